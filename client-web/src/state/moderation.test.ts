import { describe, expect, it } from 'vitest';
import { Right, type CallEvent, type Decision, type RoleName, type Rules } from '../protocol/messages';
import { CallModel } from './call';

const GUESTS = Right.Microphone | Right.Camera | Right.Write;

function rules(role: RoleName, more: Partial<Rules> = {}): CallEvent {
  return { e: 'rules', rules: { role, hostPresent: true, lobby: true, locked: false, guests: GUESTS, muted: role === 'guest' ? 31 & ~GUESTS : 0, invitedEnter: false, ...more } };
}

function member(id: string, role: RoleName, more: { muted?: number; self?: boolean } = {}) {
  return { id, transport: `t${id}`, name: id, role, muted: 0, invite: null, self: false, camera: true, microphone: true, screen: false, hand: false, hidden: false, lost: false, slot: null, screenSlot: false, ...more };
}

function inCall(role: RoleName, others: readonly ReturnType<typeof member>[] = []) {
  const decided: Decision[] = [];
  const did: string[] = [];
  const port = {
    chat: (text: string) => did.push(`chat ${text}`),
    decide: (decision: Decision) => decided.push(decision),
    showSafetyNumber: () => did.push('number'),
    compareNow: () => did.push('compare'),
    shareScreen: () => did.push('share'),
    stopScreen: () => did.push('stop'),
    unblockSound: () => undefined,
    leave: () => did.push('leave'),
  };
  const call = new CallModel(port, { nameless: 'Someone' }, () => '12:00', false);
  call.handle({ e: 'phase', phase: 'inCall' });
  call.handle({ e: 'roster', members: [member('me', role, { self: true }), ...others] });
  call.handle(rules(role));
  const kinds = () => call.toasts.value.map(({ kind }) => kind);
  return { call, moderation: call.moderation, decided, did, kinds };
}

describe('one’s own rights', () => {
  it('tells what no guest may from what was taken from oneself', () => {
    const { call, moderation, kinds } = inCall('guest');
    expect(moderation.forbidden('screen')).toBe('rule');
    expect(moderation.forbidden('microphone')).toBeNull();
    call.handle(rules('guest', { muted: (31 & ~GUESTS) | Right.Microphone }));
    expect(moderation.forbidden('microphone')).toBe('muted');
    expect(kinds()).toEqual(['microphone-muted']);
    call.handle(rules('guest'));
    expect(kinds()).toEqual(['microphone-muted', 'microphone-free']);
  });

  it('says nothing of the screen on joining, and why when somebody wants to share', () => {
    const { call, did, kinds } = inCall('guest');
    expect(kinds()).toEqual([]);
    call.share(true);
    expect(kinds()).toEqual(['screen-rule']);
    call.share(true);
    expect(kinds()).toEqual(['screen-rule']);
    expect(did).toEqual([]);
    call.share(false);
    expect(did).toEqual(['stop']);
  });

  it('says at once that one comes in without a voice', () => {
    const { call, kinds } = inCall('guest');
    call.handle(rules('guest', { guests: Right.Write, muted: 31 & ~Right.Write }));
    expect(kinds()).toEqual(['microphone-rule', 'camera-rule']);
    expect(call.send('hello')).toBe(true);
    call.handle(rules('guest', { guests: 0, muted: 31 }));
    expect(call.send('hello')).toBe(false);
  });

  it('tells who is appointed and dismissed, and not who comes as host', () => {
    const { call, kinds } = inCall('host');
    expect(kinds()).toEqual([]);
    const guest = inCall('guest');
    guest.call.handle(rules('moderator'));
    expect(guest.kinds()).toEqual(['screen-free', 'appointed']);
    guest.call.handle(rules('guest'));
    expect(guest.kinds().at(-1)).toBe('dismissed');
    expect(call.moderation.noHost.value).toBe(false);
    guest.call.handle(rules('guest', { hostPresent: false }));
    expect(guest.moderation.noHost.value).toBe(true);
  });
});

describe('who may decide what', () => {
  const [guest, moderator, host] = [member('g', 'guest'), member('m', 'moderator'), member('h', 'host')];

  it('gives guests nothing, moderators the guests, hosts everybody', () => {
    const as = (role: RoleName) => inCall(role).moderation;
    expect([guest, moderator, host].map((who) => as('guest').over(who))).toEqual(['guest', 'guest', 'guest']);
    expect([guest, moderator, host].map((who) => as('moderator').over(who))).toEqual([null, 'hostsAlone', 'hostsAlone']);
    expect([guest, moderator, host].map((who) => as('host').over(who))).toEqual([null, null, null]);
    expect([as('guest').overRoles(), as('moderator').overRoles(), as('host').overRoles()]).toEqual(['onlyHosts', 'onlyHosts', null]);
    expect([as('guest').overRules(), as('moderator').overRules()]).toEqual(['guest', null]);
  });

  it('cannot give one guest what no guest has', () => {
    const { moderation } = inCall('host');
    expect(moderation.overRight(guest, 'screen')).toBe('guestRule');
    expect(moderation.overRight(moderator, 'screen')).toBeNull();
    expect(moderation.overRight(guest, 'microphone')).toBeNull();
  });

  it('changes one right of guests at a time, the screen with its sound', () => {
    const { moderation, decided } = inCall('host');
    expect(moderation.guestsMay('screen')).toBe(false);
    moderation.letGuests('screen', true);
    moderation.letGuests('microphone', false);
    expect(decided).toEqual([
      { t: 'guests', allowed: 31 },
      { t: 'guests', allowed: Right.Camera | Right.Write },
    ]);
  });

  it('makes newcomers ask from the first ban on', () => {
    const { call, moderation, decided } = inCall('host');
    moderation.ban('g');
    expect(decided).toEqual([{ t: 'remove', member: 'g', bar: true }]);
    call.handle(rules('host', { lobby: false }));
    moderation.ban('x');
    expect(decided.slice(1)).toEqual([{ t: 'remove', member: 'x', bar: true }, { t: 'lobby', on: true }]);
  });
});

describe('comparing the number', () => {
  it('is asked for by hosts and moderators where there are any, and by anybody elsewhere', () => {
    expect(inCall('guest', [member('h', 'host')]).call.overComparing()).toBe('guest');
    expect(inCall('guest', [member('g', 'guest')]).call.overComparing()).toBeNull();
    const { call, did, kinds } = inCall('moderator', [member('h', 'host')]);
    expect(call.overComparing()).toBeNull();
    call.compareNow();
    expect(did).toEqual(['compare']);
    call.handle({ e: 'compareOver', changed: true });
    expect(kinds()).toEqual(['compareChanged']);
    call.handle({ e: 'phase', phase: 'reconnecting' });
    expect(call.overComparing()).toBe('offline');
  });
});

describe('who asks to be let in', () => {
  it('keeps the time of the first knock, cleans names and marks those that somebody else has', () => {
    let time = '12:00';
    const call = new CallModel(
      { chat() {}, decide() {}, compareNow() {}, showSafetyNumber() {}, shareScreen() {}, stopScreen() {}, unblockSound() {}, leave() {} },
      { nameless: 'Someone' },
      () => time,
      false,
    );
    call.handle({ e: 'roster', members: [member('Anna', 'host', { self: true })] });
    call.handle({ e: 'lobby', asking: [{ id: '1', name: 'Bo', code: '1 1 1 1', invite: null }] });
    time = '12:05';
    call.handle({ e: 'lobby', asking: [{ id: '1', name: 'Bo', code: '1 1 1 1', invite: null }, { id: '2', name: '\u202Eanna', code: '2 2 2 2', invite: null }, { id: '3', name: '\u200B', code: '3 3 3 3', invite: null }] });
    const rows = call.moderation.asking.value;
    expect(rows.map(({ name, since, twin }) => [name, since, twin])).toEqual([['Bo', '12:00', false], ['anna', '12:05', true], ['Someone', '12:05', false]]);
    call.handle({ e: 'lobby', asking: [] });
    expect(call.moderation.asking.value).toEqual([]);
  });

  it('says where one stands, and since when', () => {
    const { call } = inCall('guest');
    expect(call.door.value).toBeNull();
    call.handle({ e: 'door', door: 'noCall' });
    call.handle({ e: 'door', door: 'asked' });
    call.handle({ e: 'waitingCode', digits: '1 2 3 4' });
    expect([call.door.value, call.waitsSince.value, call.waitingCode.value]).toEqual(['asked', '12:00', '1 2 3 4']);
  });
});

describe('coming and going', () => {
  it('shows four messages, reads out all, and keeps a list', () => {
    const { call } = inCall('host');
    for (let n = 0; n < 10; n += 1) call.handle({ e: 'arrived', name: `Guest ${n}` });
    call.handle({ e: 'departed', name: 'Guest 1', how: 'left' });
    expect(call.toasts.value).toHaveLength(4);
    expect(call.announced.value).toHaveLength(11);
    expect(call.comings.value.at(-1)).toMatchObject({ kind: 'left', name: 'Guest 1', time: '12:00' });
    expect(call.comings.value).toHaveLength(11);
  });

  it('asks a host once before leaving the others, and nobody else', () => {
    const left = (role: RoleName, others: Parameters<typeof inCall>[1]) => {
      const { call, did } = inCall(role, others);
      call.wantToLeave();
      return did.includes('leave') ? 'left' : call.panel.value;
    };
    expect(left('guest', [member('h', 'host')])).toBe('left');
    expect(left('host', [])).toBe('left');
    expect(left('host', [member('g', 'guest')])).toBe('leaving');
    expect(left('moderator', [member('g', 'guest')])).toBe('leaving');
    expect(left('moderator', [member('h', 'host')])).toBe('left');
    const { call, did } = inCall('host', [member('g', 'guest')]);
    call.wantToLeave();
    call.wantToLeave();
    expect(did).toEqual(['leave']);
  });
});
