// Receiving slots on the page's side: an `<audio>` element for each sound, and the binding of pictures to tiles.
//
// SECURITY: a slot's picture may be shown only under the name of the member whose frames were opened in it. When the
// media worker announces a new owner it holds the first frame back; here every element loses the stream *in the same
// task*, and only then is the worker told to go on. A probe, an element outside the document, waits for the first picture
// that is not older than the owner's first frame; only then do the owner's tiles get the stream. So a tile never holds a
// picture of somebody else, not even unseen. A stream that never had an owner holds no picture at all: its first owner's tiles
// get it at once, uncovered when the first picture is there. (Detached elements call back in Chromium and Firefox: measured.)

import type { PictureSlot } from '../state/call';

interface Binding {
  readonly slot: PictureSlot;
  readonly transport: string;
}
interface Owner {
  readonly transport: string;
  /** The owner's first picture has been presented. */
  confirmed: boolean;
  /** Nobody owned this stream before. */
  readonly first: boolean;
}

export interface SlotEvents {
  /** The slot verifiably shows this member, or nobody. */
  shown(slot: PictureSlot, transport: string | null): void;
  /** The browser wants a tap before it plays sound. */
  soundBlocked(blocked: boolean): void;
}

/** RTP timestamps wrap: later means less than half the circle ahead. */
export function notOlder(timestamp: number, than: number): boolean {
  return (timestamp - than) >>> 0 < 0x8000_0000;
}

export class Pictures {
  #streams = new Map<PictureSlot, MediaStream>();
  #bindings = new Map<HTMLVideoElement, Binding>();
  #owners = new Map<PictureSlot, Owner>();
  /** Streams that have carried somebody's pictures. */
  readonly #owned = new WeakSet<MediaStream>();
  readonly #on: SlotEvents;

  constructor(on: SlotEvents) {
    this.#on = on;
  }

  /** The receiver behind a slot; a new connection brings new ones. */
  setTrack(slot: PictureSlot, track: MediaStreamTrack): void {
    this.#streams.set(slot, new MediaStream([track]));
    this.#owners.delete(slot);
    this.#settle(slot);
  }

  /** Binds a tile's element for as long as the tile shows this member; returns how to undo it. */
  bind(video: HTMLVideoElement, slot: PictureSlot, transport: string): () => void {
    const binding: Binding = { slot, transport };
    this.#bindings.set(video, binding);
    this.#settle(slot);
    return () => {
      if (this.#bindings.get(video) !== binding) return;
      this.#bindings.delete(video);
      video.srcObject = null;
    };
  }

  /** A new owner's first frame is about to be let through. When this returns, no element shows the slot. */
  setOwner(slot: PictureSlot, transport: string, rtpTimestamp: number | null): void {
    const stream = this.#streams.get(slot);
    const owner: Owner = { transport, confirmed: false, first: stream !== undefined && !this.#owned.has(stream) };
    if (stream !== undefined) this.#owned.add(stream);
    this.#owners.set(slot, owner);
    this.#settle(slot);
    if (stream !== undefined) this.#probe(slot, owner, stream, rtpTimestamp);
  }

  close(): void {
    for (const video of this.#bindings.keys()) video.srcObject = null;
    this.#bindings.clear();
    this.#streams.clear();
    this.#owners.clear();
  }

  #settle(slot: PictureSlot): void {
    const owner = this.#owners.get(slot);
    const shown = owner?.confirmed === true ? owner.transport : null;
    const given = owner?.confirmed === true || owner?.first === true ? owner.transport : null;
    const stream = this.#streams.get(slot) ?? null;
    for (const [video, binding] of this.#bindings) {
      if (binding.slot !== slot) continue;
      const wanted = given === binding.transport ? stream : null;
      if (video.srcObject === wanted) continue;
      video.srcObject = wanted;
      // Muted pictures may always play; an element that is just leaving the page may not.
      if (wanted !== null) video.play().catch(() => undefined);
    }
    this.#on.shown(slot, shown);
  }

  #probe(slot: PictureSlot, owner: Owner, stream: MediaStream, first: number | null): void {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = stream;
    const look = (): void => {
      video.requestVideoFrameCallback((_now, { rtpTimestamp }) => {
        const current = this.#owners.get(slot) === owner && this.#streams.get(slot) === stream;
        if (current && first !== null && rtpTimestamp !== undefined && !notOlder(rtpTimestamp, first)) {
          look();
          return;
        }
        video.srcObject = null;
        if (!current) return;
        owner.confirmed = true;
        this.#settle(slot);
      });
    };
    look();
    video.play().catch(() => undefined);
  }
}

/** Sound of all slots. Made and started inside the click on Join, so that every browser lets them play. */
export class Sounds {
  readonly elements: readonly HTMLAudioElement[];
  readonly #on: SlotEvents;

  constructor(count: number, on: SlotEvents) {
    this.#on = on;
    this.elements = Array.from({ length: count }, () => {
      const audio = document.createElement('audio');
      audio.autoplay = true;
      audio.dataset['test'] = 'tile-audio';
      audio.hidden = true;
      audio.srcObject = new MediaStream();
      audio.play().catch(() => undefined); // Nothing to play yet; what counts is the click.
      document.body.append(audio);
      return audio;
    });
  }

  setTrack(index: number, track: MediaStreamTrack): void {
    const audio = this.elements[index];
    if (audio === undefined) return;
    audio.srcObject = new MediaStream([track]);
    this.#play(audio);
  }

  /** Names the member whose sound an element carries; tests and assistive tools read it. */
  label(index: number, name: string): void {
    const audio = this.elements[index];
    if (audio === undefined || audio.dataset['member'] === name) return;
    if (name === '') delete audio.dataset['member'];
    else audio.dataset['member'] = name;
  }

  /** After a tap. */
  unblock(): void {
    this.#on.soundBlocked(false);
    for (const audio of this.elements) this.#play(audio);
  }

  async setSpeaker(id: string): Promise<void> {
    await Promise.all(this.elements.map((audio) => ('setSinkId' in audio ? audio.setSinkId(id).catch(() => undefined) : undefined)));
  }

  close(): void {
    for (const audio of this.elements) {
      audio.srcObject = null;
      audio.remove();
    }
  }

  #play(audio: HTMLAudioElement): void {
    audio.play().catch((reason: unknown) => {
      if (reason instanceof DOMException && reason.name === 'NotAllowedError') this.#on.soundBlocked(true);
    });
  }
}
