// Rooms made and kept, in the core worker: the WebAssembly classes behind `errand.ts`.

import { RoomKeeping, RoomOpening, organiseEntropy } from '../generated/core/conclave_core_wasm.js';
import type { CoreToMain, RoomErrand, RoomTerms } from '../protocol/messages';
import { fault, readKept, readMade, runErrand, runMaking, type ErrandPort } from './errand';

/** The room that is being kept: read once, then changed from what was read. */
let keeping: RoomKeeping | null = null;

export interface OpenRoom {
  readonly ask: number;
  readonly ticket: string;
  readonly server: string;
  readonly terms: RoomTerms;
  readonly moderators: number;
  readonly today: number;
}

function entropy<T>(moderators: number, use: (bytes: Uint8Array) => T): T {
  const bytes = crypto.getRandomValues(new Uint8Array(organiseEntropy(moderators)));
  try {
    return use(bytes);
  } finally {
    bytes.fill(0);
  }
}

export async function openRoom(port: ErrandPort, { ask, ticket, server, terms, moderators, today }: OpenRoom): Promise<CoreToMain> {
  let opening: RoomOpening | null = null;
  try {
    const made = entropy(moderators, (bytes) => new RoomOpening(ticket, server, JSON.stringify(terms), today, bytes));
    opening = made;
    return { t: 'roomOpened', ask, made: readMade(await runMaking(port, made)) };
  } catch (thrown) {
    return { t: 'roomOpened', ask, made: readMade(fault(thrown)) };
  } finally {
    // Wipes the keys.
    opening?.free();
  }
}

export async function keepRoom(port: ErrandPort, ask: number, server: string, errand: RoomErrand): Promise<CoreToMain> {
  try {
    if (errand.t === 'read') {
      keeping?.free();
      keeping = null;
      keeping = new RoomKeeping(errand.owner, errand.link, server);
    }
    const room = keeping;
    if (room === null) return { t: 'roomKept', ask, kept: { ok: false, problem: 'stale' } };
    const terms = errand.t === 'change' ? JSON.stringify(errand.terms) : '';
    const talk = { request: (frame: Uint8Array) => entropy(0, (bytes) => room.request(frame, errand.t, terms, bytes)), settle: (frame: Uint8Array) => room.settle(frame) };
    return { t: 'roomKept', ask, kept: readKept(await runErrand(port, talk)) };
  } catch (thrown) {
    return { t: 'roomKept', ask, kept: readKept(fault(thrown)) };
  }
}
