// One request of an organiser or owner on a socket of its own: the server's challenge, our request, its answer.

import type { Kept, Made, OrganiseProblem, RoomTerms } from '../protocol/messages';
import type { Socket } from './member-driver';

/** The generated classes, as far as this is concerned. */
export interface Talk {
  request(frame: Uint8Array): Uint8Array;
  settle(frame: Uint8Array): unknown;
}

export interface ErrandPort {
  openSocket(): Socket;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(id: number): void;
}

/** Two round trips and a write to a busy disk. Longer: a person looks at a page that does nothing. */
const PATIENCE_MS = 15_000;

/** What `settle` said, or `{ ok: false, code }`. */
export function runErrand(port: ErrandPort, talk: Talk): Promise<unknown> {
  return new Promise((resolve) => {
    const socket = port.openSocket();
    socket.binaryType = 'arraybuffer';
    let asked = false;
    const done = (outcome: unknown): void => {
      port.clearTimer(timer);
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
      resolve(outcome);
    };
    const timer = port.setTimer(() => done(fault('serverAway')), PATIENCE_MS);
    socket.onclose = () => done(fault('serverAway'));
    socket.onmessage = ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return done(fault('incompatible'));
      const frame = new Uint8Array(data);
      if (asked) return done(talk.settle(frame));
      try {
        asked = true;
        socket.send(talk.request(frame));
      } catch (thrown) {
        done(fault(thrown));
      }
    };
  });
}

/** A room's making: the request, and how to find out what became of it. */
export interface Making extends Talk {
  inquiry(frame: Uint8Array): Uint8Array;
}

/** Times that a lost answer is asked for. The server is back within seconds, or a person should hear of it. */
const INQUIRIES = 3;
const INQUIRY_MS = 2_000;

const lost = (outcome: unknown): boolean => loose(outcome)['code'] === 'serverAway';

/**
 * Makes a room. If the answer is lost, the ticket may be used up and the room be there, with keys that are nowhere but here: so it is asked for.
 * An inquiry that is refused means that there is no room, and that the ticket still counts.
 */
export async function runMaking(port: ErrandPort, making: Making): Promise<unknown> {
  const outcome = await runErrand(port, making);
  for (let n = 0; n < INQUIRIES && lost(outcome); n += 1) {
    await new Promise<void>((resolve) => void port.setTimer(resolve, INQUIRY_MS));
    const found = await runErrand(port, { request: (frame) => making.inquiry(frame), settle: (frame) => making.settle(frame) });
    if (lost(found)) continue;
    return loose(found)['ok'] === true ? found : outcome;
  }
  return outcome;
}

/** A code that was thrown is a fault of the request; anything else thrown is ours. */
export const fault = (thrown: unknown): unknown => ({ ok: false, code: typeof thrown === 'string' ? thrown : 'incompatible' });

const PROBLEMS: Readonly<Record<OrganiseProblem, true>> = {
  notATicket: true,
  notTheKey: true,
  notAllowed: true,
  title: true,
  days: true,
  tooLong: true,
  stale: true,
  serverFull: true,
  foreign: true,
  incompatible: true,
  serverAway: true,
};

type Loose = Readonly<Record<string, unknown>>;
const loose = (value: unknown): Loose => (typeof value === 'object' && value !== null ? (value as Loose) : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const whole = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const isProblem = (word: string): word is OrganiseProblem => Object.hasOwn(PROBLEMS, word);

function refused(outcome: Loose): { readonly ok: false; readonly problem: OrganiseProblem } {
  const code = text(outcome['code']);
  return { ok: false, problem: isProblem(code) ? code : 'incompatible' };
}

export function readMade(value: unknown): Made {
  const made = loose(value);
  if (made['ok'] !== true) return refused(made);
  return { ok: true, room: { guestLink: text(made['guestLink']), credential: text(made['credential']), deed: text(made['deed']), moderators: Array.isArray(made['moderators']) ? made['moderators'].map(text) : [], lastDay: whole(made['lastDay']) } };
}

export function readKept(value: unknown): Kept {
  const kept = loose(value);
  if (kept['ok'] !== true) return refused(kept);
  if (kept['room'] === null) return { ok: true, room: null };
  const room = loose(kept['room']);
  const terms: RoomTerms = {
    title: text(room['title']),
    begin: room['begin'] === 'anyone' ? 'anyone' : 'host',
    lobby: room['lobby'] === true,
    guests: typeof room['guests'] === 'number' ? room['guests'] : null,
    strict: room['strict'] === true,
    lastDay: whole(room['lastDay']),
  };
  const whence = { lastDayInForce: whole(room['lastDayInForce']), latestDay: whole(room['latestDay']), members: whole(room['members']), membersInForce: whole(room['membersInForce']) };
  const credential = typeof room['credential'] === 'string' ? room['credential'] : null;
  return { ok: true, room: { ...terms, ...whence, guestLink: text(room['guestLink']), byDeed: room['byDeed'] === true, credential } };
}
