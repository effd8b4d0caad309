// The media half of a call, made ready at the door: the media worker and the first connection with all its transceivers.
//
// Making them takes longer than anything else between the click on Join and the first picture, and none of it needs to know
// whether, or which, call will be joined. Nothing of it touches the network: a browser sends nothing before a connection has
// a description, and that is made in the click. Rule of use: `take` once, in the click; what is not taken costs memory only.

import { Connection } from '../media/connection';
import { Codec, type MediaToMain, type VideoCodec } from '../protocol/messages';
import { videoCodecs } from './capabilities';
import { startMedia, type MediaWorker } from './workers';

export interface MediaSideEvents {
  message(message: MediaToMain): void;
  fault(): void;
}

export class MediaSide {
  readonly worker: MediaWorker;
  readonly connection: Connection;
  /** The first choice of a codec; the call may settle on another. */
  readonly codec: VideoCodec = (videoCodecs() & 2) === 0 ? Codec.Vp8 : Codec.Vp9;
  #on: MediaSideEvents | null = null;
  #faulty = false;

  constructor() {
    this.worker = startMedia(
      (message) => (message.t === 'failed' ? this.#fault() : this.#on?.message(message)),
      () => this.#fault(),
    );
    this.connection = new Connection(this.worker.worker, 1, this.codec);
  }

  /** From here on the call hears what the worker says; what broke before is told at once. */
  take(on: MediaSideEvents): void {
    this.#on = on;
    if (this.#faulty) on.fault();
  }

  #fault(): void {
    this.#faulty = true;
    this.#on?.fault();
  }
}
