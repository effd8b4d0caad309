// The path of a media frame through the media worker: sealed on the way out, opened on the way in, or dropped.
//
// It knows no streams and no browser API: `media.worker.ts` plumbs. Rule of use: what `seal` and `open` do not return
// does not exist; the caller hands on nothing else.
//
// SECURITY: every way of failing (no module, no keys, unknown codec, an exception) ends in `undefined`, and the frame is
// dropped. There is no branch that returns the bytes that came in.

import { Codec, TrackKind, type CoreToMedia, type NegotiatedPlace, type SenderCounts, type TransformOptions } from '../protocol/messages';
import type { FrameCrypto } from './frame-crypto';

export interface FrameFacts {
  readonly payloadType: number | undefined;
  readonly mimeType: string | undefined;
  readonly keyFrame: boolean;
  readonly rtpTimestamp: number | null;
}

/** A change of the member whose frames a slot carries; its first frame waits until the page has cleared the slot. */
export interface OwnerChange {
  readonly mid: string;
  readonly transport: string;
  readonly rtpTimestamp: number | null;
}
export interface OpenedFrame {
  readonly media: Uint8Array;
  readonly change: OwnerChange | null;
}

/** Bytes of a transport id. */
const TRANSPORT_BYTES = 16;

interface Place {
  mid: string | null;
  codecs: Map<number, Codec>;
}
interface Expectation {
  /** The ids that count now, one after another: during a switch the old one and the new one. */
  ids: Uint8Array;
  wanted: string;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function codecOfMime(mimeType: string | undefined): Codec | undefined {
  switch (mimeType?.toLowerCase()) {
    case 'audio/opus':
      return Codec.Opus;
    case 'video/vp8':
      return Codec.Vp8;
    case 'video/vp9':
      return Codec.Vp9;
    default:
      return undefined;
  }
}

export class FramePath {
  #crypto: FrameCrypto | null = null;
  #make: (() => FrameCrypto) | null = null;
  #group = '';
  #held = false;
  #places = new Map<string, Place>();
  #expected = new Map<string, Expectation>();
  #owners = new Map<string, string>();
  #counts = new Map<string, { seen: number; sealed: number; sealedBytes: number }>();
  /** The newest connection that made an offer. Those before it are closed. */
  #newest = 0;

  /** The module is there; keys may come. */
  ready(make: () => FrameCrypto): void {
    this.#make = make;
  }

  /** Takes a message of the core worker. Returns whether it was understood and taken. */
  handleCore(message: CoreToMedia, nowMs: number): boolean {
    switch (message.t) {
      case 'keys': {
        if (this.#make === null) return false;
        if (this.#crypto === null || this.#group !== message.group) {
          this.#crypto?.free();
          this.#crypto = this.#make();
          this.#crypto.hold(this.#held);
          this.#group = message.group;
        }
        const { epoch, baseKey, ownLeaf, leaves, dropOldAfterMs, removed, switchAfterMs } = message;
        const taken = this.#crypto.setEpoch(epoch, baseKey, ownLeaf, leaves, dropOldAfterMs, removed, nowMs, switchAfterMs);
        baseKey.fill(0);
        return taken;
      }
      case 'hold':
        this.#held = message.on;
        this.#crypto?.hold(message.on);
        return true;
      case 'expect':
        this.#expect(message.mid, message.transport);
        return true;
    }
  }

  negotiated(connection: number, places: readonly NegotiatedPlace[]): void {
    if (connection < this.#newest) return;
    if (connection > this.#newest) {
      this.#newest = connection;
      // COST: a call over a bad network makes many connections; what is kept is that of one.
      for (const map of [this.#places, this.#owners, this.#counts]) {
        for (const key of map.keys()) if (Number.parseInt(key, 10) < connection) map.delete(key);
      }
    }
    for (const { place, mid, codecs } of places) this.#places.set(`${connection}/${place}`, { mid, codecs: new Map(codecs) });
  }

  /** A frame of our own encoder. */
  seal(options: TransformOptions, facts: FrameFacts, captureMs: number, data: Uint8Array): Uint8Array | undefined {
    // A closed connection's last frames go nowhere, and leave no entry.
    if (options.connection < this.#newest) return undefined;
    const key = `${options.connection}/${options.place}`;
    const counts = this.#counts.get(key) ?? { seen: 0, sealed: 0, sealedBytes: 0 };
    this.#counts.set(key, counts);
    counts.seen += 1;
    const codec = this.#codec(key, options.kind, facts);
    // An empty audio frame is not a sound; Firefox hands such frames out.
    if (codec === undefined || this.#crypto === null || data.byteLength === 0) return undefined;
    let sealed: Uint8Array | undefined;
    try {
      sealed = this.#crypto.seal(options.kind, codec, facts.keyFrame, captureMs, data);
    } catch {
      // A trap in the module: the frame is gone, and nothing can be said about later ones.
      sealed = undefined;
    }
    if (sealed === undefined || sealed.byteLength === 0) return undefined;
    // Counted before it is handed on, so that statistics can never be ahead of the counts.
    counts.sealed += 1;
    counts.sealedBytes += sealed.byteLength;
    return sealed;
  }

  /** A frame from the network. */
  open(options: TransformOptions, facts: FrameFacts, nowMs: number, data: Uint8Array): OpenedFrame | undefined {
    const key = `${options.connection}/${options.place}`;
    const mid = this.#places.get(key)?.mid ?? null;
    const codec = this.#codec(key, options.kind, facts);
    if (mid === null || codec === undefined || this.#crypto === null || data.byteLength === 0) return undefined;
    const expected = this.#expected.get(mid);
    if (expected === undefined) return undefined;
    let media: Uint8Array | undefined;
    let transport: string;
    try {
      media = this.#crypto.open(nowMs, expected.ids, options.kind, codec, facts.keyFrame, data);
      transport = media === undefined ? '' : hex(this.#crypto.lastTransport());
    } catch {
      return undefined;
    }
    if (media === undefined) return undefined;
    // The switch is over with the new one's first frame: from now on only the new one counts.
    if (transport === expected.wanted) expected.ids = expected.ids.slice(-TRANSPORT_BYTES);
    const owner = `${options.connection}/${mid}`;
    if (this.#owners.get(owner) === transport) return { media, change: null };
    this.#owners.set(owner, transport);
    return { media, change: { mid, transport, rtpTimestamp: facts.rtpTimestamp } };
  }

  /** The page did not clear the slot in time: its next frame is a change of owner again, and waits again. */
  forgetOwner(connection: number, mid: string): void {
    this.#owners.delete(`${connection}/${mid}`);
  }

  counts(connection: number): readonly SenderCounts[] {
    const prefix = `${connection}/`;
    return [...this.#counts].filter(([key]) => key.startsWith(prefix)).map(([key, counts]) => ({ place: Number(key.slice(prefix.length)), ...counts }));
  }

  /** Lets time pass and says when to be called again. */
  handleTime(nowMs: number): number | undefined {
    try {
      this.#crypto?.handleTime(nowMs);
      return this.#crypto?.timeout();
    } catch {
      return undefined;
    }
  }

  #expect(mid: string, transport: Uint8Array | null): void {
    if (transport === null || transport.byteLength !== TRANSPORT_BYTES) {
      this.#expected.delete(mid);
      for (const key of this.#owners.keys()) if (key.endsWith(`/${mid}`)) this.#owners.delete(key);
      return;
    }
    const wanted = hex(transport);
    const before = this.#expected.get(mid);
    if (before?.wanted === wanted) return;
    const last = before?.ids.slice(-TRANSPORT_BYTES) ?? new Uint8Array();
    const ids = new Uint8Array(last.byteLength + TRANSPORT_BYTES);
    ids.set(last);
    ids.set(transport, last.byteLength);
    this.#expected.set(mid, { ids, wanted });
  }

  /** The codec of a frame from its payload type in our own session description; of its name where there is no number. */
  #codec(key: string, kind: TrackKind, facts: FrameFacts): Codec | undefined {
    const table = this.#places.get(key)?.codecs;
    const byNumber = facts.payloadType === undefined ? undefined : table?.get(facts.payloadType);
    const codec = byNumber ?? codecOfMime(facts.mimeType);
    const sound = kind === TrackKind.Microphone || kind === TrackKind.ScreenAudio;
    return codec !== undefined && (codec === Codec.Opus) === sound ? codec : undefined;
  }
}
