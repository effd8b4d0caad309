import { describe, expect, it } from 'vitest';
import { TrackKind, type TransformOptions } from '../protocol/messages';
import type { FrameCrypto } from './frame-crypto';
import { FramePath, type FrameFacts } from './frame-path';

/** Stands for the module: marks what it sealed, and opens only what the expected member sealed. */
class Crypto implements FrameCrypto {
  keyed = false;
  held = false;
  trap = false;
  freed = false;
  #transport = new Uint8Array(16);
  setEpoch(): boolean {
    this.keyed = true;
    return true;
  }
  hold(on: boolean): void {
    this.held = on;
  }
  handleTime(): void {}
  timeout(): undefined {}
  seal(kind: number, codec: number, _key: boolean, _capture: number, data: Uint8Array): Uint8Array | undefined {
    if (this.trap) throw new Error('unreachable executed');
    return this.keyed && !this.held ? new Uint8Array([0xee, kind, codec, ...data.map((byte) => byte ^ 0xff)]) : undefined;
  }
  open(_now: number, expected: Uint8Array, _kind: number, _codec: number, _key: boolean, data: Uint8Array): Uint8Array | undefined {
    if (this.trap) throw new Error('unreachable executed');
    for (let at = 0; at < expected.length; at += 16) {
      if (expected[at] === data[0]) {
        this.#transport = expected.slice(at, at + 16);
        return data.slice(1);
      }
    }
    return undefined;
  }
  lastTransport(): Uint8Array {
    return this.#transport;
  }
  free(): void {
    this.freed = true;
  }
}

const SEND: TransformOptions = { side: 'send', kind: TrackKind.Camera, place: 1, connection: 1 };
const RECEIVE: TransformOptions = { side: 'receive', kind: TrackKind.Camera, place: 12, connection: 1 };
const VP9: FrameFacts = { payloadType: 98, mimeType: undefined, keyFrame: true, rtpTimestamp: 7 };
const DATA = new Uint8Array([1, 2, 3]);
const keys = (group = 'g') =>
  ({ t: 'keys', group, epoch: 1n, baseKey: new Uint8Array(16).fill(9), ownLeaf: 0, leaves: new Uint8Array(), removed: new Uint32Array(), dropOldAfterMs: 0, switchAfterMs: 0 }) as const;
const transport = (first: number) => new Uint8Array(16).fill(first);

function path(): { path: FramePath; made: Crypto[] } {
  const made: Crypto[] = [];
  const frames = new FramePath();
  frames.ready(() => {
    const crypto = new Crypto();
    made.push(crypto);
    return crypto;
  });
  frames.negotiated(1, [
    { place: 1, mid: '1', codecs: [[98, 2], [96, 1]] },
    { place: 12, mid: '12', codecs: [[98, 2]] },
  ]);
  return { path: frames, made };
}

describe('the path of a frame', () => {
  it('lets nothing out before the module, before keys, while held, after a trap, or of an unknown codec', () => {
    expect(new FramePath().seal(SEND, VP9, 0, DATA)).toBeUndefined();
    const { path: frames, made } = path();
    expect(frames.seal(SEND, VP9, 0, DATA)).toBeUndefined();
    frames.handleCore({ t: 'hold', on: true }, 0);
    frames.handleCore(keys(), 0);
    expect(frames.seal(SEND, VP9, 0, DATA)).toBeUndefined();
    frames.handleCore({ t: 'hold', on: false }, 0);
    expect(frames.seal(SEND, VP9, 0, DATA)).toBeDefined();
    expect(frames.seal(SEND, { ...VP9, payloadType: 45, mimeType: 'video/AV1' }, 0, DATA)).toBeUndefined();
    expect(frames.seal({ ...SEND, kind: TrackKind.Microphone }, VP9, 0, DATA)).toBeUndefined();
    expect(frames.seal(SEND, VP9, 0, new Uint8Array())).toBeUndefined();
    for (const crypto of made) crypto.trap = true;
    expect(frames.seal(SEND, VP9, 0, DATA)).toBeUndefined();
    // Everything was seen, one frame was sealed, and only that one is vouched for.
    expect(frames.counts(1)).toEqual([{ place: 1, seen: 7, sealed: 1, sealedBytes: 6 }]);
    expect(frames.counts(2)).toEqual([]);
  });

  it('takes the codec from the payload type, and from the name only where there is none', () => {
    const { path: frames } = path();
    frames.handleCore(keys(), 0);
    expect(frames.seal(SEND, { ...VP9, payloadType: 96, mimeType: 'video/VP9' }, 0, DATA)?.[2]).toBe(1);
    expect(frames.seal(SEND, { ...VP9, payloadType: undefined, mimeType: 'video/VP9' }, 0, DATA)?.[2]).toBe(2);
  });

  it('wipes the key after use, and starts anew for another group', () => {
    const { path: frames, made } = path();
    const first = keys();
    frames.handleCore(first, 0);
    expect(first.baseKey.every((byte) => byte === 0)).toBe(true);
    frames.handleCore(keys(), 0);
    expect(made).toHaveLength(1);
    frames.handleCore(keys('other'), 0);
    expect(made).toHaveLength(2);
    expect(made[0]?.freed).toBe(true);
  });

  it('opens nothing in a slot that was asked to carry nobody', () => {
    const { path: frames } = path();
    frames.handleCore(keys(), 0);
    expect(frames.open(RECEIVE, VP9, 0, new Uint8Array([0xa, 1]))).toBeUndefined();
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xa) }, 0);
    expect(frames.open(RECEIVE, VP9, 0, new Uint8Array([0xa, 1]))?.media).toEqual(new Uint8Array([1]));
    expect(frames.open(RECEIVE, VP9, 0, new Uint8Array([0xb, 1]))).toBeUndefined();
    frames.handleCore({ t: 'expect', mid: '12', transport: null }, 0);
    expect(frames.open(RECEIVE, VP9, 0, new Uint8Array([0xa, 1]))).toBeUndefined();
  });

  it('takes old and new until the new one’s first frame, and names each change of owner once', () => {
    const { path: frames } = path();
    frames.handleCore(keys(), 0);
    const open = (first: number) => frames.open(RECEIVE, VP9, 0, new Uint8Array([first, 1]));
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xa) }, 0);
    expect(open(0xa)?.change).toEqual({ mid: '12', transport: '0a'.repeat(16), rtpTimestamp: 7 });
    expect(open(0xa)?.change).toBeNull();
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xb) }, 0);
    expect(open(0xa)?.change).toBeNull();
    expect(open(0xb)?.change?.transport).toBe('0b'.repeat(16));
    expect(open(0xa)).toBeUndefined();
    expect(open(0xb)?.change).toBeNull();
  });

  it('names the owner again after the page failed to clear the slot', () => {
    const { path: frames } = path();
    frames.handleCore(keys(), 0);
    const open = () => frames.open(RECEIVE, VP9, 0, new Uint8Array([0xa, 1]));
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xa) }, 0);
    expect(open()?.change).not.toBeNull();
    frames.forgetOwner(1, '12');
    expect(open()?.change).toEqual({ mid: '12', transport: '0a'.repeat(16), rtpTimestamp: 7 });
    expect(open()?.change).toBeNull();
  });

  it('names the owner again on a new connection', () => {
    const { path: frames } = path();
    frames.handleCore(keys(), 0);
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xa) }, 0);
    expect(frames.open(RECEIVE, VP9, 0, new Uint8Array([0xa, 1]))?.change).not.toBeNull();
    frames.negotiated(2, [{ place: 12, mid: '12', codecs: [[98, 2]] }]);
    expect(frames.open({ ...RECEIVE, connection: 2 }, VP9, 0, new Uint8Array([0xa, 1]))?.change).not.toBeNull();
  });

  it('forgets connections before the newest, and lets none of their frames through', () => {
    const { path: frames } = path();
    const places = [{ place: 1, mid: '1', codecs: [[98, 2]] }, { place: 12, mid: '12', codecs: [[98, 2]] }] as const;
    frames.handleCore(keys(), 0);
    frames.handleCore({ t: 'expect', mid: '12', transport: transport(0xa) }, 0);
    for (const connection of [9, 10]) {
      frames.negotiated(connection, places);
      expect(frames.seal({ ...SEND, connection }, VP9, 0, DATA)).toBeDefined();
      expect(frames.open({ ...RECEIVE, connection }, VP9, 0, new Uint8Array([0xa, 1]))).toBeDefined();
    }
    // Another offer of the same connection keeps its counts.
    frames.negotiated(10, places);
    frames.negotiated(9, places);
    expect(frames.counts(9)).toEqual([]);
    expect(frames.seal({ ...SEND, connection: 9 }, VP9, 0, DATA)).toBeUndefined();
    expect(frames.open({ ...RECEIVE, connection: 9 }, VP9, 0, new Uint8Array([0xa, 1]))).toBeUndefined();
    expect(frames.counts(9)).toEqual([]);
    expect(frames.counts(10)).toEqual([{ place: 1, seen: 1, sealed: 1, sealedBytes: 6 }]);
  });
});
