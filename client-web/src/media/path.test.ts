import { describe, expect, it } from 'vitest';
import { PathWatch } from './path';

/** Looks every `everyMs` from `from` to `to` with what `received` says; returns the times of restarts. */
function run(watch: PathWatch, from: number, to: number, received: (ms: number) => number, everyMs = 200): number[] {
  const restarts: number[] = [];
  for (let ms = from; ms <= to; ms += everyMs) if (watch.look(ms, received(ms))) restarts.push(ms);
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
    expect(restarts).toEqual([6_000, 8_000, 12_000, 20_000, 36_000, 52_000]);
  });

  it('is restarted at once again after it had come back', () => {
    const watch = new PathWatch();
    run(watch, 0, 20_000, (ms) => Math.min(ms, 5_000));
    expect(run(watch, 20_200, 30_000, (ms) => Math.min(ms, 25_000))).toEqual([26_000, 28_000]);
  });

  it('in a hidden tab takes three looks without news', () => {
    expect(run(new PathWatch(), 0, 20_000, (ms) => Math.min(ms, 10_000), 1_000)[0]).toBe(13_000);
  });
});
