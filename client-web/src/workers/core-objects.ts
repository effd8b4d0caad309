// What the core's WebAssembly face hands out, checked and turned into our own types. The core is our code, but its objects
// arrive untyped; whatever is not as agreed is a bug and becomes `null` here, so that nothing half-known travels on.

import {
  Codec,
  type Alarms,
  type Asking,
  type CallEvent,
  type CoreToMain,
  type CoreToMedia,
  type Departure,
  type Door,
  type EndReason,
  type LinkProblem,
  type LowerLimit,
  type NoticeCode,
  type OwnerFault,
  type ParsedLink,
  type Phase,
  type ReadOwner,
  type RoleName,
  type RosterEntry,
  type Suspect,
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

/** Every word of a union, named once: the type checker refuses a list that lacks one, or has one too many. */
function words<W extends string>(all: Readonly<Record<W, true>>): (word: string) => word is W {
  const known: ReadonlySet<string> = new Set(Object.keys(all));
  return (word): word is W => known.has(word);
}

const isPhase = words<Phase>({ connecting: true, admitting: true, knocking: true, waiting: true, inCall: true, reconnecting: true });
const isEnd = words<EndReason>({
  left: true, removed: true, barred: true, refused: true, inviteRefused: true, endedByHost: true, foreignRoom: true, notAllowed: true, roomFull: true, serverFull: true, callLimit: true, serverAway: true, closing: true, incompatible: true, internal: true,
});
const isNotice = words<NoticeCode>({ floorFull: true, mediaRefused: true, changeUnreadable: true, placeBack: true, placeLost: true, chatRefused: true, chatStopped: true, compareRefused: true, notAllowed: true, listFull: true, linkInForce: true, linkNotInForce: true, olderKeysEnded: true, roomNotChanged: true });
const isDeparture = words<Departure>({ left: true, lostConnection: true, removed: true });
const isDoor = words<Door>({ noCall: true, asked: true, locked: true });
const isRole = words<RoleName>({ host: true, moderator: true, guest: true });
const isOwnerFault = words<OwnerFault>({ notAKey: true, cut: true, damaged: true, newer: true, otherRoom: true, expired: true, deed: true });
const isLinkProblem = words<LinkProblem>({ notALink: true, cut: true, damaged: true, newer: true, notYetSupported: true, credential: true, otherServer: true });

type Loose = Readonly<Record<string, unknown>>;

function loose(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {};
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const whole = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const flag = (value: unknown): boolean => value === true;
const bytes = (value: unknown): Uint8Array | null => (value instanceof Uint8Array ? value : null);

export function readLink(value: unknown): ParsedLink {
  const link = loose(value);
  if (flag(link['ok']) && Array.isArray(link['servers'])) {
    const servers = link['servers'].map(text);
    return { ok: true, ...(link['kind'] === 'ticket' ? { ticket: true } : {}), servers, operatorKeys: flag(link['operatorKeys']), personal: typeof link['invite'] === 'number' };
  }
  const code = text(link['code']);
  return { ok: false, problem: isLinkProblem(code) ? code : 'damaged' };
}

export function readOwnerKey(value: unknown): ReadOwner {
  const owner = loose(value);
  if (flag(owner['ok']) && Array.isArray(owner['servers'])) {
    return { ok: true, moderator: flag(owner['moderator']), link: text(owner['link']), servers: owner['servers'].map(text), operatorKeys: flag(owner['operatorKeys']) };
  }
  const code = text(owner['code']);
  return { ok: false, problem: isOwnerFault(code) ? code : 'damaged' };
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
      if (isPhase(state)) return { e: 'phase', phase: state };
      const reason = text(output['reason']);
      return { e: 'ended', reason: isEnd(reason) ? reason : 'internal' };
    }
    case 'roster': {
      const members = output['members'];
      return Array.isArray(members) ? { e: 'roster', members: members.map(readMember) } : null;
    }
    case 'chat':
      return { e: 'chat', name: text(output['name']), text: text(output['text']), mine: flag(output['mine']), line: whole(output['line']) };
    case 'unsure':
      return { e: 'unsure', line: whole(output['line']) };
    case 'arrived':
    case 'returned':
      return { e: output['t'], name: text(output['name']) };
    case 'departed': {
      const how = text(output['reason']);
      return { e: 'departed', name: text(output['name']), how: isDeparture(how) ? how : 'left' };
    }
    case 'safetyNumber':
      return { e: 'safetyNumber', digits: text(output['digits']) };
    case 'title':
      return { e: 'title', title: text(output['title']) };
    case 'waitingCode':
      return { e: 'waitingCode', digits: text(output['digits']) };
    case 'door': {
      const door = text(output['door']);
      return isDoor(door) ? { e: 'door', door } : null;
    }
    case 'lobby': {
      const entries = output['entries'];
      return Array.isArray(entries) ? { e: 'lobby', asking: entries.map(readAsking) } : null;
    }
    case 'rules':
      return {
        e: 'rules',
        rules: {
          role: role(output['role']),
          hostPresent: flag(output['hostPresent']),
          lobby: flag(output['lobby']),
          locked: flag(output['locked']),
          guests: whole(output['guests']),
          muted: whole(output['muted']),
          invitedEnter: flag(output['invitedEnter']),
        },
      };
    case 'invite':
      return { e: 'invite', fragment: text(output['fragment']), serial: whole(output['serial']), notAfterDay: whole(output['notAfterDay']) };
    case 'linkChanged':
      return { e: 'linkChanged', fragment: text(output['fragment']) };
    case 'credential':
      return { e: 'credential', text: text(output['text']) };
    case 'alarms':
      return { e: 'alarms', alarms: readAlarms(output) };
    case 'compare':
      return { e: 'compare', digits: text(output['digits']), by: text(output['by']), mine: flag(output['mine']) };
    case 'compareOver':
      return { e: 'compareOver', changed: flag(output['changed']) };
    case 'notice': {
      const code = text(output['code']);
      return isNotice(code) ? { e: 'notice', code } : null;
    }
    default:
      return null;
  }
}

/** Whatever is no role that we know is none. */
function role(value: unknown): RoleName {
  const name = text(value);
  return isRole(name) ? name : 'guest';
}

function readAsking(value: unknown): Asking {
  const asking = loose(value);
  return { id: text(asking['id']), name: text(asking['name']), code: text(asking['code']), invite: number(asking['invite']) };
}

function readAlarms(output: Loose): Alarms {
  const suspects = (value: unknown): readonly Suspect[] => (Array.isArray(value) ? value.map(loose).map((suspect) => ({ id: text(suspect['id']), name: text(suspect['name']) })) : []);
  const less = output['serverOffersLess'];
  const limit = (key: string): LowerLimit | null => {
    const pair = loose(less)[key];
    return pair === undefined ? null : { offered: whole(loose(pair)['offered']), signed: whole(loose(pair)['signed']) };
  };
  return {
    digestsDiffer: suspects(output['digestsDiffer']),
    silent: suspects(output['silent']),
    withheld: suspects(output['withheld']),
    removalStuck: suspects(output['removalStuck']),
    stopped: flag(output['stopped']),
    serverOffersLess: less === undefined ? null : { members: limit('members'), seats: limit('seats'), calls: limit('calls') },
  };
}

function readMember(value: unknown): RosterEntry {
  const member = loose(value);
  return {
    id: text(member['id']),
    transport: text(member['transport']),
    name: text(member['name']),
    role: role(member['role']),
    ...(flag(member['keyed']) ? { keyed: true } : {}),
    muted: whole(member['muted']),
    invite: number(member['invite']),
    self: flag(member['self']),
    camera: flag(member['camera']),
    microphone: flag(member['microphone']),
    screen: flag(member['screen']),
    hand: flag(member['hand']),
    hidden: flag(member['hidden']),
    lost: flag(member['lost']),
    slot: number(member['slot']),
    screenSlot: flag(member['screenSlot']),
  };
}
