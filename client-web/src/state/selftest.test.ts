import { describe, expect, it } from 'vitest';
import { SelfTest, type Sample, type SenderStatistics } from './selftest';

const audio = (packets: number, bytes: number, repeated = 0): SenderStatistics => ({
  place: 0, medium: 'audio', framesEncoded: 0, packets, bytes, repeatedPackets: repeated, repeatedBytes: repeated * 100,
});
const video = (framesEncoded: number, packets: number, bytes: number): SenderStatistics => ({
  place: 1, medium: 'video', framesEncoded, packets, bytes, repeatedPackets: 0, repeatedBytes: 0,
});
const sample = (statistics: SenderStatistics, seen: number, sealed: number, sealedBytes: number): Sample => ({
  before: [{ place: statistics.place, seen, sealed, sealedBytes }],
  statistics: [statistics],
  after: [{ place: statistics.place, seen, sealed, sealedBytes }],
});
const none = { before: [], after: [] };

describe('the running self-test', () => {
  it('is content with what Chromium and Firefox report of an honest call', () => {
    // Measured: whole, half and no frames let through, muted, track taken away and given back.
    const chromium = [
      [58, 72, 47_081, 58, 58, 42_093], [118, 105, 74_834, 118, 88, 69_712], [158, 105, 74_834, 158, 88, 69_712],
      [188, 136, 77_759, 188, 118, 72_509], [188, 136, 77_759, 188, 118, 72_509], [219, 189, 119_639, 219, 149, 115_889],
    ] as const;
    const firefox = [
      [72, 147, 83_753, 72, 72, 82_375], [144, 208, 126_563, 144, 108, 124_994], [192, 208, 126_563, 192, 108, 124_994],
      [193, 214, 132_977, 193, 109, 131_390], [195, 220, 138_684, 195, 111, 137_071], [231, 289, 189_509, 231, 147, 187_689],
    ] as const;
    for (const run of [chromium, firefox]) {
      const test = new SelfTest();
      for (const [encoded, packets, bytes, seen, sealed, sealedBytes] of run) {
        expect(test.check(sample(video(encoded, packets, bytes), seen, sealed, sealedBytes))).toBeNull();
      }
    }
    const test = new SelfTest();
    for (const [packets, bytes, sealed, sealedBytes] of [[150, 7683, 151, 7811], [226, 12_515, 226, 12_515], [301, 13_014, 302, 13_017]] as const) {
      expect(test.check(sample(audio(packets, bytes), sealed, sealed, sealedBytes))).toBeNull();
    }
  });

  it('finds a camera whose transform was never used', () => {
    expect(new SelfTest().check({ ...none, statistics: [video(48, 90, 90_000)] })).toBe(1);
  });

  it('finds a camera whose transform was taken away in mid-call', () => {
    const test = new SelfTest();
    for (let i = 1; i <= 900; i += 1) {
      expect(test.check(sample(video(48 * i, 100 * i, 106_000 * i), 48 * i, 48 * i, 105_000 * i))).toBeNull();
    }
    expect(test.check(sample(video(48 * 901, 100 * 901, 106_000 * 901), 48 * 900, 48 * 900, 105_000 * 900))).toBe(1);
  });

  it('finds a microphone that goes around the worker, from the start and later', () => {
    expect(new SelfTest().check({ ...none, statistics: [audio(100, 8_000)] })).toBe(0);
    const test = new SelfTest();
    expect(test.check(sample(audio(1000, 200_000), 1000, 1000, 200_000))).toBeNull();
    expect(test.check(sample(audio(1100, 208_000), 1000, 1000, 200_000))).toBe(0);
  });

  it('does not blame repeated packets', () => {
    expect(new SelfTest().check(sample(audio(160, 16_000, 60), 100, 100, 10_000))).toBeNull();
  });

  it('does not blame a worker that stalled and lost frames, nor bandwidth probes', () => {
    const test = new SelfTest();
    expect(test.check(sample(video(480, 1000, 1_060_000), 480, 480, 1_050_000))).toBeNull();
    // 30 frames lost in front of the worker, nothing sent for them.
    expect(test.check(sample(video(558, 1100, 1_166_000), 528, 528, 1_155_000))).toBeNull();
    // Probes repeat 40 kB while every frame is seen.
    const probing = new SelfTest();
    expect(probing.check(sample(video(48, 100, 106_000), 48, 48, 105_000))).toBeNull();
    expect(probing.check(sample(video(96, 240, 252_000), 96, 96, 210_000))).toBeNull();
  });

  it('does not take a busy page for a leak: counts that come late are only larger', () => {
    const test = new SelfTest();
    for (let i = 1; i <= 12; i += 1) {
      const late = i <= 8 ? 60 : 0;
      const count = (place: number, frames: number, bytes: number) => ({ place, seen: frames, sealed: frames, sealedBytes: bytes });
      const verdict = test.check({
        before: [count(0, 100 * i, 20_000 * i), count(1, 48 * i, 105_000 * i)],
        statistics: [audio(100 * i, 20_000 * i), video(48 * i, 100 * i, 106_000 * i)],
        after: [count(0, 100 * i + late, 20_000 * i + 200 * late), count(1, 48 * i + late, 105_000 * i + 2_000 * late)],
      });
      expect(verdict).toBeNull();
    }
  });

  it('does not take packets for a leak that waited out an outage and leave at once', () => {
    const test = new SelfTest();
    expect(test.check(sample(audio(100, 20_000), 100, 100, 20_000))).toBeNull();
    for (let i = 2; i <= 20; i += 1) expect(test.check(sample(audio(100, 20_000), 100 * i, 100 * i, 20_000 * i))).toBeNull();
    expect(test.check(sample(audio(2_100, 420_000), 2_100, 2_100, 420_000))).toBeNull();
  });

  it('goes on when Firefox starts its statistics anew, and still finds a leak afterwards', () => {
    // Measured at a change of codec: 359 frames encoded before, 72 after.
    const test = new SelfTest();
    expect(test.check(sample(video(359, 355, 246_246), 359, 224, 239_585))).toBeNull();
    for (let i = 1; i <= 6; i += 1) {
      expect(test.check(sample(video(72 * i, 97 * i, 71_930 * i), 359 + 72 * i, 224 + 72 * i, 239_585 + 71_000 * i))).toBeNull();
    }
    expect(test.check(sample(video(72 * 7, 97 * 7, 71_930 * 7), 359 + 72 * 6, 224 + 72 * 6, 239_585 + 71_000 * 6))).toBe(1);
    const sound = new SelfTest();
    expect(sound.check(sample(audio(1_000, 200_000), 1_000, 1_000, 200_000))).toBeNull();
    expect(sound.check(sample(audio(50, 10_000), 1_100, 1_100, 220_000))).toBeNull();
    expect(sound.check(sample(audio(300, 30_000), 1_100, 1_100, 220_000))).toBe(0);
  });
});
