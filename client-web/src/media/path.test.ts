import { describe, expect, it } from 'vitest';
import { PathWatch, type Received } from './path';

/** Looks every `everyMs` from `from` to `to` with what `received` says; returns the times of restarts. */
function run(watch: PathWatch, from: number, to: number, received: (ms: number) => number | Received, everyMs = 200): number[] {
  const restarts: number[] = [];
  for (let ms = from; ms <= to; ms += everyMs) {
    const bytes = received(ms);
    if (watch.look(ms, typeof bytes === 'number' ? new Map([['pair', bytes]]) : bytes)) restarts.push(ms);
  }
  return restarts;
}

describe('a path', () => {
  it('is left alone while something arrives, and while nothing ever did', () => {
    expect(run(new PathWatch(), 0, 60_000, (ms) => ms)).toEqual([]);
    expect(run(new PathWatch(), 0, 60_000, () => 0)).toEqual([]);
  });

  it('is left alone when single packets stop: a lone listener is sent little', () => {
    expect(run(new PathWatch(), 0, 60_000, (ms) => Math.floor(ms / 2_500))).toEqual([]);
  });

  it('is restarted one second after a stream stopped, then ever more seldom', () => {
    const restarts = run(new PathWatch(), 0, 60_000, (ms) => Math.min(ms, 5_000));
    expect(restarts).toEqual([6_000, 7_600, 10_600, 16_600, 28_600, 44_600]);
  });

  it('is restarted at once again after it had come back', () => {
    const watch = new PathWatch();
    run(watch, 0, 20_000, (ms) => Math.min(ms, 5_000));
    expect(run(watch, 20_200, 30_000, (ms) => Math.min(ms, 25_000))).toEqual([26_000, 27_600]);
  });

  it('is not mistaken for alive when the browser drops its dead pairs from the statistics', () => {
    const pairs = (ms: number): Received => new Map([['old', 40_000], ['used', Math.min(ms, 5_000)]].filter(([pair]) => pair === 'used' || ms < 5_600) as [string, number][]);
    expect(run(new PathWatch(), 0, 7_000, pairs)).toEqual([6_000]);
    const gone = (ms: number): Received => (ms < 5_600 ? pairs(ms) : new Map());
    expect(run(new PathWatch(), 0, 7_000, gone)).toEqual([6_000]);
  });

  it('is alive once a new pair receives, though it counts anew', () => {
    const changes = (ms: number): Received => (ms < 5_000 ? new Map([['old', ms]]) : new Map([['new', ms - 4_999]]));
    expect(run(new PathWatch(), 0, 20_000, changes)).toEqual([]);
  });

  it('in a hidden tab takes three looks without news', () => {
    expect(run(new PathWatch(), 0, 20_000, (ms) => Math.min(ms, 10_000), 1_000)[0]).toBe(13_000);
  });
});
