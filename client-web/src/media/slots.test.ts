import { describe, expect, it } from 'vitest';
import { notOlder } from './slots';

describe('RTP timestamps', () => {
  it('compare around the wrap', () => {
    expect(notOlder(5, 5)).toBe(true);
    expect(notOlder(6, 5)).toBe(true);
    expect(notOlder(4, 5)).toBe(false);
    expect(notOlder(10, 0xffff_fff0)).toBe(true);
    expect(notOlder(0xffff_fff0, 10)).toBe(false);
  });
});
