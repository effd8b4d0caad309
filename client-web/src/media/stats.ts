// Reads the browser's statistics: for the running self-test, for who is speaking, and for a path that went dead.
//
// SECURITY: a self-test that cannot be made is not one that was passed. Faults that stay, and a media worker that does not
// answer, end the call; they are not passed over.

import { SelfTest } from '../state/selftest';
import { SpeakingMeter } from '../state/speaking';
import type { SenderCounts } from '../protocol/messages';
import type { Connection } from './connection';
import { PathWatch } from './path';
import { PLACES } from './plan';
import { RelayWatch, type PathEntry } from './relay';
import { leaving, type OutboundEntry } from './senders';

/** Five times a second: below, the ring lags behind the voice; above, it only costs. */
const LISTEN_MS = 200;
/** Every tenth reading feeds the self-test: two seconds. */
const LISTENS_PER_TEST = 10;
/** Readings of one kind that may fail in a row. One may be chance; a self-test that failed three times was off for six seconds. */
const MOST_FAULTS = 3;
/**
 * How long the media worker may take to answer, in steps: a machine that slept wakes with one step gone, not with all of
 * them. It answers within milliseconds; after five seconds without, no frame passes either.
 */
const STEP_MS = 1_000;
const STEPS = 5;
/** Until its first answer, as it may still be loading over a slow network. Nothing can leave before it runs. */
const FIRST_STEPS = 20;

export interface StatsPort {
  counts(connection: number): Promise<readonly SenderCounts[]>;
  loud(sources: ReadonlySet<string>): void;
  /** Unsealed media may have left. The call must end now. */
  leaked(): void;
  /** Statistics or media worker are out of order, so the self-test cannot be made. The call must end. */
  failed(): void;
}

/** What is read of a connection. */
export type Readable = Pick<Connection, 'generation' | 'placeOf' | 'placeOfSource' | 'restart' | 'relayedOverTls'> & { readonly pc: Pick<RTCPeerConnection, 'getStats'> };

/** The statistics that are read, as far as browsers give them. */
interface Entry extends OutboundEntry, PathEntry {
  readonly kind?: string;
  readonly bytesReceived?: number;
  readonly totalAudioEnergy?: number;
  readonly totalSamplesDuration?: number;
}

export class Stats {
  readonly #connection: Readable;
  readonly #port: StatsPort;
  readonly #meter = new SpeakingMeter();
  readonly #test = new SelfTest();
  readonly #path = new PathWatch();
  readonly #relay = new RelayWatch();
  readonly #timer: ReturnType<typeof setInterval>;
  #busy = false;
  #listens = 0;
  #faults = { listen: 0, test: 0 };
  #answered = false;
  #stopped = false;

  constructor(connection: Readable, port: StatsPort) {
    this.#connection = connection;
    this.#port = port;
    this.#timer = setInterval(() => void this.#read(), LISTEN_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    this.#listens += 1;
    // Counted apart: nine readings without a test that succeed must not hide a test that never does.
    const kind = this.#listens % LISTENS_PER_TEST === 0 ? 'test' : 'listen';
    try {
      // The order matters: counts, statistics, counts (see `selftest.ts`).
      const before = kind === 'test' ? await this.#counts() : null;
      const report = await this.#connection.pc.getStats();
      const entries: Entry[] = [];
      report.forEach((entry: Entry) => entries.push(entry));
      this.#listen(entries);
      this.#watch(entries);
      if (before !== null) await this.#compare(before, entries);
      this.#faults[kind] = 0;
    } catch {
      this.#faults[kind] += 1;
      if (this.#faults[kind] >= MOST_FAULTS) this.#fail();
    } finally {
      this.#busy = false;
    }
  }

  #fail(): void {
    // Stopped: the connection was closed while it was read.
    if (this.#stopped) return;
    this.stop();
    this.#port.failed();
  }

  /** The media worker's counts. If there are none in time, the call ends. */
  #counts(): Promise<readonly SenderCounts[]> {
    return new Promise((resolve, reject) => {
      let steps = this.#answered ? STEPS : FIRST_STEPS;
      const patience = setInterval(() => {
        steps -= 1;
        if (steps > 0 && !this.#stopped) return;
        clearInterval(patience);
        this.#fail();
        reject(new Error('the media worker does not answer'));
      }, STEP_MS);
      this.#port.counts(this.#connection.generation).then(
        (counts) => {
          clearInterval(patience);
          this.#answered = true;
          resolve(counts);
        },
        (fault: unknown) => {
          clearInterval(patience);
          reject(fault as Error);
        },
      );
    });
  }

  #listen(entries: readonly Entry[]): void {
    const now = performance.now();
    for (const entry of entries) {
      const { totalAudioEnergy: energy, totalSamplesDuration: duration } = entry;
      if (entry.kind !== 'audio' || energy === undefined || duration === undefined) continue;
      if (entry.type === 'media-source') this.#meter.hear('self', energy, duration, now);
      if (entry.type !== 'inbound-rtp' || entry.mid === undefined) continue;
      const role = PLACES[this.#connection.placeOf(entry.mid)]?.role;
      if (role?.role === 'audioSlot') this.#meter.hear(`audio${role.k}`, energy, duration, now);
    }
    if (!this.#stopped) this.#port.loud(this.#meter.speaking(now));
  }

  /** Everything that arrived on whatever path: media, and the server's reports on ours. */
  #watch(entries: readonly Entry[]): void {
    const pairs = entries.filter((entry) => entry.type === 'candidate-pair');
    const received = new Map(pairs.map((pair) => [pair.id, pair.bytesReceived ?? 0]));
    const now = performance.now();
    if (!this.#stopped && this.#path.look(now, received)) this.#connection.restart();
    if (!this.#stopped && this.#relay.look(now, entries)) this.#connection.relayedOverTls();
  }

  async #compare(before: readonly SenderCounts[], entries: readonly Entry[]): Promise<void> {
    const { senders, stray } = leaving(entries, this.#connection);
    const after = await this.#counts();
    if (this.#stopped) return;
    if (stray || this.#test.check({ before, statistics: senders, after }) !== null) this.#port.leaked();
  }
}
