import { describe, expect, it } from 'vitest';
import { SpeakingMeter } from './speaking';

describe('the speaking meter', () => {
  it('hears speech, holds for a moment and falls silent', () => {
    const meter = new SpeakingMeter();
    meter.hear('a', 0, 0, 0);
    expect(meter.speaking(0).has('a')).toBe(false);
    meter.hear('a', 0.2 * 0.05 ** 2, 0.2, 200);
    expect(meter.speaking(200).has('a')).toBe(true);
    meter.hear('a', 0.2 * 0.05 ** 2, 0.4, 400);
    expect(meter.speaking(400).has('a')).toBe(true);
    meter.hear('a', 0.2 * 0.05 ** 2, 1.2, 1200);
    expect(meter.speaking(1200).has('a')).toBe(false);
  });

  it('does not take a quiet room or restarted totals for speech', () => {
    const meter = new SpeakingMeter();
    meter.hear('a', 5, 100, 0);
    meter.hear('a', 5 + 0.2 * 0.001 ** 2, 100.2, 200);
    expect(meter.speaking(200).size).toBe(0);
    meter.hear('a', 0, 0, 400);
    expect(meter.speaking(400).size).toBe(0);
  });
});
