// Reads the browser's statistics: for the running self-test, for who is speaking, and for a path that went dead. It decides nothing.

import { SelfTest, type SenderStatistics } from '../state/selftest';
import { SpeakingMeter } from '../state/speaking';
import type { SenderCounts } from '../protocol/messages';
import type { Connection } from './connection';
import { PathWatch } from './path';
import { PLACES } from './plan';

/** Five times a second: below, the ring lags behind the voice; above, it only costs. */
const LISTEN_MS = 200;
/** Every tenth reading feeds the self-test: two seconds. */
const LISTENS_PER_TEST = 10;

export interface StatsPort {
  counts(connection: number): Promise<readonly SenderCounts[]>;
  loud(sources: ReadonlySet<string>): void;
  /** Unsealed media may have left. The call must end now. */
  leaked(): void;
}

/** The statistics that are read, as far as browsers give them. */
interface Entry {
  readonly type: string;
  readonly mid?: string;
  readonly kind?: string;
  readonly bytesReceived?: number;
  readonly framesEncoded?: number;
  readonly packetsSent?: number;
  readonly bytesSent?: number;
  readonly retransmittedPacketsSent?: number;
  readonly retransmittedBytesSent?: number;
  readonly totalAudioEnergy?: number;
  readonly totalSamplesDuration?: number;
}

export class Stats {
  readonly #connection: Connection;
  readonly #port: StatsPort;
  readonly #meter = new SpeakingMeter();
  readonly #test = new SelfTest();
  readonly #path = new PathWatch();
  readonly #timer: ReturnType<typeof setInterval>;
  #busy = false;
  #listens = 0;
  #stopped = false;

  constructor(connection: Connection, port: StatsPort) {
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
    try {
      this.#listens += 1;
      const test = this.#listens % LISTENS_PER_TEST === 0;
      // The order matters: counts, statistics, counts (see `selftest.ts`).
      const before = test ? await this.#port.counts(this.#connection.generation) : null;
      const report = await this.#connection.pc.getStats();
      const entries: Entry[] = [];
      report.forEach((entry: Entry) => entries.push(entry));
      this.#listen(entries);
      this.#watch(entries);
      if (before !== null) await this.#compare(before, entries);
    } catch {
      // The connection was closed while it was read.
    } finally {
      this.#busy = false;
    }
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
    const received = pairs.reduce((sum, pair) => sum + (pair.bytesReceived ?? 0), 0);
    if (!this.#stopped && this.#path.look(performance.now(), received)) this.#connection.restart();
  }

  async #compare(before: readonly SenderCounts[], entries: readonly Entry[]): Promise<void> {
    const statistics = this.#senders(entries);
    const after = await this.#port.counts(this.#connection.generation);
    if (this.#stopped) return;
    if (this.#test.check({ before, statistics, after }) !== null) this.#port.leaked();
  }

  #senders(entries: readonly Entry[]): SenderStatistics[] {
    const sums = new Map<number, SenderStatistics>();
    for (const entry of entries) {
      if (entry.type !== 'outbound-rtp' || entry.mid === undefined) continue;
      const place = this.#connection.placeOf(entry.mid);
      const medium = PLACES[place]?.medium;
      if (medium === undefined) continue;
      const sum = sums.get(place);
      sums.set(place, {
        place,
        medium,
        framesEncoded: (sum?.framesEncoded ?? 0) + (entry.framesEncoded ?? 0),
        packets: (sum?.packets ?? 0) + (entry.packetsSent ?? 0),
        bytes: (sum?.bytes ?? 0) + (entry.bytesSent ?? 0),
        repeatedPackets: (sum?.repeatedPackets ?? 0) + (entry.retransmittedPacketsSent ?? 0),
        repeatedBytes: (sum?.repeatedBytes ?? 0) + (entry.retransmittedBytesSent ?? 0),
      });
    }
    return [...sums.values()];
  }
}
