import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONNECT_MS, Patience } from './patience';

describe('the patience with a connection', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const watch = () => {
    const seen = { connected: false, lost: 0 };
    const patience = new Patience(() => seen.connected, () => (seen.lost += 1));
    return { seen, patience };
  };

  it('ends when the answer was long ago, and not before there was one', () => {
    const { seen, patience } = watch();
    vi.advanceTimersByTime(10 * CONNECT_MS);
    expect(seen.lost).toBe(0);
    patience.begin();
    vi.advanceTimersByTime(CONNECT_MS - 1);
    expect(seen.lost).toBe(0);
    vi.advanceTimersByTime(1);
    expect(seen.lost).toBe(1);
    vi.advanceTimersByTime(10 * CONNECT_MS);
    expect(seen.lost).toBe(1);
  });

  it('is not tried by a connection that is there', () => {
    const { seen, patience } = watch();
    patience.begin();
    seen.connected = true;
    vi.advanceTimersByTime(CONNECT_MS);
    expect(seen.lost).toBe(0);
  });

  it('begins anew with the answer to a restart, and ends with the connection', () => {
    const { seen, patience } = watch();
    patience.begin();
    vi.advanceTimersByTime(CONNECT_MS - 1);
    patience.begin();
    vi.advanceTimersByTime(CONNECT_MS - 1);
    expect(seen.lost).toBe(0);
    patience.stop();
    vi.advanceTimersByTime(CONNECT_MS);
    expect(seen.lost).toBe(0);
  });
});
