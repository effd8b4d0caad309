// What the core's WebAssembly face hands out, checked and turned into our own types. The core is our code, but its objects
// arrive untyped; whatever is not as agreed is a bug and becomes `null` here, so that nothing half-known travels on.

import {
  Codec,
  type CallEvent,
  type CoreToMain,
  type CoreToMedia,
  type Departure,
  type EndReason,
  type LinkProblem,
  type NoticeCode,
  type ParsedLink,
  type Phase,
  type RosterEntry,
} from '../protocol/messages';
import { hex } from './frame-path';

/** The generated bindings, held against this by the type checker. */
export interface CoreMember {
  input(nowMs: number, json: string): void;
  socketFrame(nowMs: number, bytes: Uint8Array): void;
  poll(): unknown;
  timeout(): number | undefined;
  free(): void;
}

/** One thing the core wants done. */
export type CoreOutput =
  | { readonly to: 'socket'; readonly open: true; readonly afterMs: number }
  | { readonly to: 'socket'; readonly open: false }
  | { readonly to: 'wire'; readonly high: boolean; readonly bytes: Uint8Array }
  | { readonly to: 'media'; readonly message: CoreToMedia }
  | { readonly to: 'page'; readonly message: CoreToMain };

const PHASES: ReadonlySet<string> = new Set<Phase>(['connecting', 'admitting', 'knocking', 'waiting', 'inCall', 'reconnecting']);
const END_REASONS: ReadonlySet<string> = new Set<EndReason>([
  'left', 'removed', 'notAllowed', 'roomFull', 'serverFull', 'callLimit', 'serverAway', 'closing', 'incompatible', 'internal',
]);
const NOTICES: ReadonlySet<string> = new Set<NoticeCode>(['floorFull', 'mediaRefused', 'changeUnreadable', 'placeBack', 'placeLost', 'chatRefused']);
const DEPARTURES: ReadonlySet<string> = new Set<Departure>(['left', 'lostConnection', 'removed']);
const LINK_PROBLEMS: ReadonlySet<string> = new Set<LinkProblem>(['notALink', 'cut', 'damaged', 'newer', 'notYetSupported', 'credential']);

type Loose = Readonly<Record<string, unknown>>;

function loose(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {};
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const whole = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const flag = (value: unknown): boolean => value === true;
const bytes = (value: unknown): Uint8Array | null => (value instanceof Uint8Array ? value : null);

export function readLink(value: unknown): ParsedLink {
  const link = loose(value);
  if (flag(link['ok']) && Array.isArray(link['servers'])) {
    return { ok: true, servers: link['servers'].map(text), operatorKeys: flag(link['operatorKeys']) };
  }
  const code = text(link['code']);
  return { ok: false, problem: LINK_PROBLEMS.has(code) ? (code as LinkProblem) : 'damaged' };
}

export function readOutput(value: unknown): CoreOutput | null {
  const output = loose(value);
  switch (output['t']) {
    case 'openSocket':
      return { to: 'socket', open: true, afterMs: whole(output['afterMs']) };
    case 'closeSocket':
      return { to: 'socket', open: false };
    case 'send': {
      const data = bytes(output['bytes']);
      return data === null ? null : { to: 'wire', high: flag(output['high']), bytes: data };
    }
    case 'applyAnswer':
      return page({ t: 'applyAnswer', sdp: text(output['sdp']) });
    case 'relay':
      return page({ t: 'relay', relay: { url: text(output['url']), username: text(output['username']), password: text(output['password']) } });
    case 'needOffer':
      return page({ t: 'needOffer' });
    case 'iceRestart':
      return page({ t: 'iceRestart' });
    case 'preferCodec':
      return page({ t: 'preferCodec', codec: output['codec'] === Codec.Vp8 ? Codec.Vp8 : Codec.Vp9 });
    case 'place': {
      const record = bytes(output['bytes']);
      return record === null ? null : page({ t: 'place', bytes: record });
    }
    case 'placeGone':
      return page({ t: 'placeGone' });
    case 'keys':
    case 'hold':
    case 'expect':
      return readMedia(output);
    default: {
      const event = readEvent(output);
      return event === null ? null : page({ t: 'event', event });
    }
  }
}

function page(message: CoreToMain): CoreOutput {
  return { to: 'page', message };
}

function readMedia(output: Loose): CoreOutput | null {
  switch (output['t']) {
    case 'keys': {
      const baseKey = bytes(output['baseKey']);
      const leaves = bytes(output['leaves']);
      const epoch = output['epoch'];
      const group = bytes(output['group']);
      const removed = output['removed'];
      if (baseKey === null || leaves === null || typeof epoch !== 'bigint' || group === null || !(removed instanceof Uint32Array)) return null;
      const message: CoreToMedia = {
        t: 'keys',
        group: hex(group),
        epoch,
        baseKey,
        ownLeaf: whole(output['ownLeaf']),
        leaves,
        removed,
        dropOldAfterMs: whole(output['dropOldAfterMs']),
        switchAfterMs: whole(output['switchAfterMs']),
      };
      return { to: 'media', message };
    }
    case 'hold':
      return { to: 'media', message: { t: 'hold', on: flag(output['on']) } };
    case 'expect':
      return { to: 'media', message: { t: 'expect', mid: text(output['mid']), transport: bytes(output['transport']) } };
    default:
      return null;
  }
}

function readEvent(output: Loose): CallEvent | null {
  switch (output['t']) {
    case 'state': {
      const state = text(output['state']);
      if (PHASES.has(state)) return { e: 'phase', phase: state as Phase };
      const reason = text(output['reason']);
      return { e: 'ended', reason: END_REASONS.has(reason) ? (reason as EndReason) : 'internal' };
    }
    case 'roster': {
      const members = output['members'];
      return Array.isArray(members) ? { e: 'roster', members: members.map(readMember) } : null;
    }
    case 'chat':
      return { e: 'chat', name: text(output['name']), text: text(output['text']), mine: flag(output['mine']) };
    case 'arrived':
    case 'returned':
      return { e: output['t'], name: text(output['name']) };
    case 'departed':
      return { e: 'departed', name: text(output['name']), how: DEPARTURES.has(text(output['reason'])) ? (text(output['reason']) as Departure) : 'left' };
    case 'safetyNumber':
      return { e: 'safetyNumber', digits: text(output['digits']) };
    case 'notice': {
      const code = text(output['code']);
      return NOTICES.has(code) ? { e: 'notice', code: code as NoticeCode } : null;
    }
    default:
      return null;
  }
}

function readMember(value: unknown): RosterEntry {
  const member = loose(value);
  return {
    id: text(member['id']),
    transport: text(member['transport']),
    name: text(member['name']),
    self: flag(member['self']),
    camera: flag(member['camera']),
    microphone: flag(member['microphone']),
    screen: flag(member['screen']),
    hand: flag(member['hand']),
    hidden: flag(member['hidden']),
    lost: flag(member['lost']),
    slot: typeof member['slot'] === 'number' ? member['slot'] : null,
    screenSlot: flag(member['screenSlot']),
  };
}
