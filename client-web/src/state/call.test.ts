import { describe, expect, it } from 'vitest';
import type { RosterEntry } from '../protocol/messages';
import { CallModel, type CallPort } from './call';

class Port implements CallPort {
  decide(): void {}
  compareNow(): void {}
  said: string[] = [];
  numbers = 0;
  chat(text: string): void {
    this.said.push(text);
  }
  showSafetyNumber(): void {
    this.numbers += 1;
  }
  shareScreen(): void {}
  stopScreen(): void {}
  unblockSound(): void {}
  leave(): void {}
}

const member = (id: string, more: Partial<RosterEntry> = {}): RosterEntry => ({
  id, transport: `t${id}`, name: id, role: 'guest', muted: 0, invite: null, self: false, camera: true, microphone: true, screen: false, hand: false,
  hidden: false, lost: false, slot: null, screenSlot: false, ...more,
});

function model(): { call: CallModel; port: Port } {
  const port = new Port();
  return { call: new CallModel(port, { nameless: 'Someone' }, () => '12:00', false), port };
}

describe('a call', () => {
  it('shows a picture under a name only when the frames were opened as that member’s', () => {
    const { call } = model();
    call.handle({ e: 'roster', members: [member('a', { slot: 0 }), member('b', { slot: 1 })] });
    const pictures = () => call.tiles.value.map((tile) => tile.picture);
    expect(pictures()).toEqual([false, false]);
    call.setShown(0, 'ta');
    expect(pictures()).toEqual([true, false]);
    // The server points slot 1 at a's track: never under b's name.
    call.setShown(1, 'ta');
    expect(pictures()).toEqual([true, false]);
    // The slot is given to b while a's last frames may still be in it.
    call.handle({ e: 'roster', members: [member('b', { slot: 0 })] });
    expect(pictures()).toEqual([false]);
    call.setShown(0, 'tb');
    expect(pictures()).toEqual([true]);
  });

  it('lights only the ring of the one who speaks, and never of a muted one', () => {
    const { call } = model();
    call.handle({ e: 'roster', members: [member('a', { slot: 0 }), member('b', { slot: 1, microphone: false }), member('me', { self: true })] });
    call.loud.value = new Set(['audio0', 'audio1', 'self']);
    expect(call.tiles.value.map((tile) => tile.speaking)).toEqual([true, false, true]);
  });

  it('counts unread lines until the chat is opened', () => {
    const { call, port } = model();
    call.handle({ e: 'phase', phase: 'inCall' });
    call.handle({ e: 'chat', name: 'a', text: 'hello', mine: false, line: 1 });
    call.handle({ e: 'chat', name: 'me', text: 'hi', mine: true, line: 2 });
    expect(call.unread.value).toBe(1);
    call.toggle('chat');
    expect(call.unread.value).toBe(0);
    call.handle({ e: 'chat', name: 'a', text: 'again', mine: false, line: 3 });
    expect(call.unread.value).toBe(0);
    expect(call.send('  ')).toBe(false);
    expect(call.send(' yes ')).toBe(true);
    expect(port.said).toEqual(['yes']);
  });

  it('marks the line that perhaps nobody got, and no other', () => {
    const { call } = model();
    // Somebody else's line has a number of its own; the core marks only its own.
    call.handle({ e: 'chat', name: 'me', text: 'one', mine: true, line: 1 });
    call.handle({ e: 'chat', name: 'a', text: 'two', mine: false, line: 2 });
    call.handle({ e: 'chat', name: 'me', text: 'three', mine: true, line: 3 });
    call.handle({ e: 'unsure', line: 3 });
    call.handle({ e: 'unsure', line: 2 });
    expect(call.chat.value.map(({ text, unsure }) => [text, unsure])).toEqual([['one', false], ['two', false], ['three', true]]);
  });

  it('does not send chat while reconnecting, so that nothing typed is lost', () => {
    const { call, port } = model();
    call.handle({ e: 'phase', phase: 'reconnecting' });
    expect(call.send('hello')).toBe(false);
    expect(port.said).toEqual([]);
  });

  it('asks for the safety number only when shown, and again when the members change', () => {
    const { call, port } = model();
    call.handle({ e: 'roster', members: [member('a')] });
    call.handle({ e: 'safetyNumber', digits: '1' });
    expect(call.safety.value).toBeNull();
    call.toggle('safety');
    call.handle({ e: 'safetyNumber', digits: '2' });
    expect(call.safety.value?.digits).toBe('2');
    call.handle({ e: 'roster', members: [member('a', { microphone: false })] });
    expect(call.safety.value?.digits).toBe('2');
    call.handle({ e: 'roster', members: [member('a'), member('b')] });
    expect(call.safety.value).toBeNull();
    expect(port.numbers).toBe(2);
    call.toggle('safety');
    expect(call.safety.value).toBeNull();
  });

  it('announces arrivals and departures with inert names, a few at a time', () => {
    const { call } = model();
    for (let i = 0; i < 9; i += 1) call.handle({ e: 'arrived', name: `\u202E${i}` });
    expect(call.toasts.value).toHaveLength(4);
    expect(call.toasts.value[3]?.name).toBe('8');
    call.handle({ e: 'departed', name: '', how: 'lostConnection' });
    expect(call.toasts.value[3]).toMatchObject({ kind: 'lostConnection', name: 'Someone' });
  });

  it('puts oneself last and shows the shared screen of the member that the slot carries', () => {
    const { call } = model();
    call.handle({ e: 'roster', members: [member('me', { self: true }), member('a', { screen: true, screenSlot: true })] });
    expect(call.tiles.value.map((tile) => tile.id)).toEqual(['a', 'me']);
    expect(call.screen.value).toMatchObject({ id: 'a', picture: false });
    call.setShown('screen', 'ta');
    expect(call.screen.value).toMatchObject({ id: 'a', picture: true });
  });
});
