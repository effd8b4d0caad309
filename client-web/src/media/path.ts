// Notices that nothing comes from the server any more, long before the browser does. No DOM, no clock of its own.
//
// Measured: after a network change Chromium calls a path disconnected after five seconds and failed after fifteen, Firefox
// later still, and a browser behind a router that gave it a new address is told by nobody. In a call something arrives many
// times a second (sound, or the server's feedback on what we send): a second of silence after that is a dead path.
// Restarting a path that lives costs one offer and interrupts nothing.

/** Silence that means a dead path. Shorter: a busy machine restarts for nothing; longer: people begin to ask "are you there?". */
const SILENT_MS = 1_000;
/** In a hidden tab timers come once a second, so one look without news is no silence yet. */
const SILENT_LOOKS = 3;
/** Looks with news, one after another, before silence means anything: it was a stream and not a lone packet. */
const FLOWING_LOOKS = 3;
/**
 * Until the next attempt, doubling. A restart is over after an offer and a check, three round trips; the first one may be lost
 * with the network that was just left, and then this is what a person waits. Later ones are seldom: a server that is away needs
 * no offers, and it allows thirty a minute.
 */
const FIRST_GAP_MS = 1_500;
const LONGEST_GAP_MS = 16_000;

/** Bytes received so far, by candidate pair. */
export type Received = ReadonlyMap<string, number>;

/** Feed it what every pair has received, several times a second; `true`: restart the path. */
export class PathWatch {
  #received: Received = new Map();
  #newsMs = 0;
  #withNews = 0;
  #without = 0;
  #flowing = false;
  #gapMs = FIRST_GAP_MS;
  #nextMs = 0;

  look(nowMs: number, received: Received): boolean {
    const before = this.#received;
    this.#received = received;
    // Pair by pair, not their sum: Chromium drops dead pairs half a second after a path died, and a sum that falls is no news.
    if ([...received].some(([pair, bytes]) => bytes > (before.get(pair) ?? 0))) {
      this.#newsMs = nowMs;
      this.#withNews += 1;
      this.#without = 0;
      if (this.#withNews >= FLOWING_LOOKS) {
        this.#flowing = true;
        this.#gapMs = FIRST_GAP_MS;
        this.#nextMs = 0;
      }
      return false;
    }
    this.#withNews = 0;
    this.#without += 1;
    if (!this.#flowing || this.#without < SILENT_LOOKS || nowMs - this.#newsMs < SILENT_MS || nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + this.#gapMs;
    this.#gapMs = Math.min(this.#gapMs * 2, LONGEST_GAP_MS);
    return true;
  }
}
