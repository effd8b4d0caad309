// Who is speaking, from the energy of received sound. Each receiver finds out for itself: the server is told nothing.
//
// Rule of use: `hear` five times a second with the running totals of `inbound-rtp`; `speaking` is the answer.

/** Loudness (root mean square of full scale) that counts as speech: −40 dB. Lower: breathing lights the ring up. */
const SPEECH = 0.01;
/** How long the ring stays after the last loud moment, so that it does not flicker between words. */
const HOLD_MS = 700;

interface Ear {
  energy: number;
  duration: number;
  lastLoudMs: number;
}

export class SpeakingMeter {
  #ears = new Map<string, Ear>();

  /** `energy` and `duration` are `totalAudioEnergy` and `totalSamplesDuration`. */
  hear(source: string, energy: number, duration: number, nowMs: number): void {
    const ear = this.#ears.get(source);
    if (ear === undefined) {
      this.#ears.set(source, { energy, duration, lastLoudMs: Number.NEGATIVE_INFINITY });
      return;
    }
    const time = duration - ear.duration;
    const loudness = time > 0 ? Math.sqrt(Math.max(0, energy - ear.energy) / time) : 0;
    ear.energy = energy;
    ear.duration = duration;
    if (loudness >= SPEECH) ear.lastLoudMs = nowMs;
  }

  speaking(nowMs: number): ReadonlySet<string> {
    const loud = new Set<string>();
    for (const [source, ear] of this.#ears) if (nowMs - ear.lastLoudMs <= HOLD_MS) loud.add(source);
    return loud;
  }

  forget(source: string): void {
    this.#ears.delete(source);
  }
}
