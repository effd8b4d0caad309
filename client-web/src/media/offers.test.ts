import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Offers } from './offers';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Offers that are made at once; `fail` says which of them throw. */
function setUp(fail: (n: number) => boolean = () => false): { offers: Offers; made: { restart: boolean; at: number }[] } {
  const made: { restart: boolean; at: number }[] = [];
  const start = Date.now();
  const offers = new Offers(async (restart) => {
    made.push({ restart, at: Date.now() - start });
    await Promise.resolve();
    if (fail(made.length)) throw new Error('no offer');
  });
  return { offers, made };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('offers', () => {
  it('go out one at a time; what is asked for meanwhile follows the answer, once', async () => {
    const { offers, made } = setUp();
    await offers.make(false);
    await offers.make(true);
    await offers.make(false);
    expect(made.map((offer) => offer.restart)).toEqual([false]);
    offers.answered();
    await settle();
    expect(made.map((offer) => offer.restart)).toEqual([false, true]);
    offers.answered();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(made).toHaveLength(2);
  });

  it('are made again after a refusal, later each time, and not for ever', async () => {
    const { offers, made } = setUp();
    offers.attempt(true);
    const news: boolean[] = [];
    for (let i = 0; i < 20; i += 1) {
      await settle();
      news.push(offers.refused());
      await vi.advanceTimersByTimeAsync(40_000);
    }
    expect(made.map((offer) => offer.restart)).toEqual([true, true, true, true, true, true]);
    expect(made.map((offer, i) => offer.at - 40_000 * (i - 1))).toEqual([40_000, 2_000, 4_000, 8_000, 16_000, 32_000]);
    expect(news.filter(Boolean)).toHaveLength(1);
    expect(news[1]).toBe(true);
  });

  it('can be made after the last repetition was refused, and start counting anew after an answer', async () => {
    const { offers, made } = setUp();
    offers.attempt(false);
    for (let i = 0; i < 6; i += 1) {
      await settle();
      offers.refused();
      await vi.advanceTimersByTimeAsync(40_000);
    }
    expect(made).toHaveLength(6);
    offers.attempt(true);
    await settle();
    expect(made.at(-1)?.restart).toBe(true);
    offers.answered();
    offers.attempt(false);
    await settle();
    expect(offers.refused()).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(made).toHaveLength(9);
  });

  it('that cannot be made are made again; the first one’s fault reaches whoever asked', async () => {
    const { offers, made } = setUp((n) => n === 1 || n === 3);
    await expect(offers.make(false)).rejects.toThrow('no offer');
    offers.attempt(true);
    await settle();
    offers.answered();
    offers.attempt(true);
    await settle();
    expect(offers.out).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(offers.out).toBe(true);
    expect(made.map((offer) => offer.restart)).toEqual([false, true, true, true]);
  });

  it('of today take the place of those that wait, and still restart the path', async () => {
    const { offers, made } = setUp();
    offers.attempt(true);
    await settle();
    offers.refused();
    offers.attempt(false);
    await settle();
    offers.answered();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(made.map((offer) => offer.restart)).toEqual([true, true]);
  });

  it('keep a restart that was asked for while a plain one was refused', async () => {
    const { offers, made } = setUp();
    offers.attempt(false);
    await settle();
    offers.attempt(true);
    offers.refused();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(made.map((offer) => offer.restart)).toEqual([false, true]);
  });

  it('take no answer or refusal before they are sent, and end with their connection', async () => {
    const { offers, made } = setUp();
    offers.attempt(false);
    expect(offers.refused()).toBe(false);
    offers.answered();
    await settle();
    expect(offers.out).toBe(true);
    offers.refused();
    offers.close();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(made).toHaveLength(1);
    const late = setUp(() => true);
    const made2 = late.offers.make(false);
    late.offers.close();
    await expect(made2).resolves.toBeUndefined();
  });

  it('are replaced when they are of no use before they leave, also while they are made', async () => {
    const ready = setUp();
    await ready.offers.make(false);
    ready.offers.replace();
    await settle();
    expect(ready.made.map((offer) => offer.restart)).toEqual([false, true]);
    expect(ready.offers.out).toBe(true);

    const making = setUp();
    making.offers.attempt(false);
    making.offers.replace();
    await settle();
    expect(making.made.map((offer) => offer.restart)).toEqual([false, true]);
    making.offers.answered();
    making.offers.replace();
    await settle();
    expect(making.made).toHaveLength(2);
  });
});
