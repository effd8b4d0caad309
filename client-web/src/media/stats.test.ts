import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SenderCounts } from '../protocol/messages';
import { Stats, type Readable } from './stats';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Entries = readonly { readonly type: string; readonly [name: string]: unknown }[];

function setUp(counts: () => Promise<readonly SenderCounts[]>, entries: () => Entries = () => []) {
  const said = { failed: 0, leaked: 0, loud: 0 };
  const connection: Readable = {
    generation: 1,
    pc: { getStats: (() => Promise.resolve().then(() => new Map(entries().map((entry, i) => [String(i), entry])))) as RTCPeerConnection['getStats'] },
    placeOf: (mid) => ['0', '1', '2', '3'].indexOf(mid),
    placeOfSource: () => -1,
    restart: () => undefined,
    relayedOverTls: () => undefined,
  };
  const stats = new Stats(connection, {
    counts,
    loud: () => void (said.loud += 1),
    leaked: () => void (said.leaked += 1),
    failed: () => void (said.failed += 1),
  });
  return { stats, said };
}
const none = () => Promise.resolve([]);
const never = () => new Promise<never>(() => undefined);
const fault = (): never => {
  throw new Error('no statistics');
};

describe('reading the statistics', () => {
  it('goes on while all is well', async () => {
    const { stats, said } = setUp(none);
    await vi.advanceTimersByTimeAsync(60_000);
    stats.stop();
    expect(said).toEqual({ failed: 0, leaked: 0, loud: 300 });
  });

  it('ends the call after three faults in a row, once', async () => {
    const { said } = setUp(none, fault);
    await vi.advanceTimersByTimeAsync(400);
    expect(said.failed).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said).toEqual({ failed: 1, leaked: 0, loud: 0 });
  });

  it('bears faults that pass', async () => {
    let n = 0;
    const { stats, said } = setUp(none, () => ((n += 1) % 4 === 0 ? [] : n % 2 === 0 ? fault() : []));
    await vi.advanceTimersByTimeAsync(60_000);
    stats.stop();
    expect(said.failed).toBe(0);
    expect(said.loud).toBeGreaterThan(100);
  });

  it('ends the call when only the self-test fails, though all readings between succeed', async () => {
    const { said } = setUp(() => Promise.reject(new Error('no counts')));
    await vi.advanceTimersByTimeAsync(5_900);
    expect(said.failed).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(said.failed).toBe(1);
  });

  it('keeps quiet about faults of a connection that is over', async () => {
    const failing = setUp(none, fault);
    await vi.advanceTimersByTimeAsync(500);
    failing.stats.stop();
    const stuck = setUp(never);
    await vi.advanceTimersByTimeAsync(2_500);
    stuck.stats.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(failing.said.failed + stuck.said.failed).toBe(0);
  });

  it('ends the call five seconds after the media worker stopped answering', async () => {
    let stuck = false;
    const { said } = setUp(() => (stuck ? never() : none()));
    await vi.advanceTimersByTimeAsync(10_500);
    stuck = true;
    await vi.advanceTimersByTimeAsync(1_500 + 4_900);
    expect(said.failed).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(said.failed).toBe(1);
  });

  it('gives a media worker that still loads more time, but not for ever', async () => {
    const { said } = setUp(never);
    await vi.advanceTimersByTimeAsync(2_000 + 19_900);
    expect(said.failed).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(said.failed).toBe(1);
  });

  it('takes what leaves under no m-line of ours for a leak, and nothing before anything left', async () => {
    let bytesSent = 0;
    const { stats, said } = setUp(none, () => [{ type: 'outbound-rtp', kind: 'audio', ssrc: 5, bytesSent }]);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(said.leaked).toBe(0);
    bytesSent = 80;
    await vi.advanceTimersByTimeAsync(2_000);
    stats.stop();
    expect(said).toMatchObject({ leaked: 1, failed: 0 });
  });
});
