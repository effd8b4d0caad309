import { describe, expect, it } from 'vitest';
import { Keep, Organise } from './organise';
import { MADE, ROOM, Rooms, TODAY } from './rooms.fixture';
import { TermsForm, dateToDay, dayToDate } from './terms';

describe('the terms of a room', () => {
  it('has a host, a lobby and no screens of guests unless the organiser says otherwise', () => {
    const form = new TermsForm(TODAY);
    expect(form.terms()).toEqual({ title: '', begin: 'host', lobby: true, guests: 19, strict: false, lastDay: TODAY + 90 });
    form.letGuests('screen', true);
    form.letGuests('microphone', false);
    expect(form.terms().guests).toBe(2 + 4 + 8 + 16);
    expect(form.guestsMay('screen')).toBe(true);
    form.begin.value = 'anyone';
    expect(form.terms()).toMatchObject({ lobby: false, guests: null, strict: false });
  });

  it('counts the title in bytes, and days by the calendar', () => {
    const form = new TermsForm(TODAY);
    form.title.value = 'ä'.repeat(60);
    expect(form.problem.value).toBe(null);
    form.title.value += 'x';
    expect(form.problem.value).toBe('title');
    form.title.value = '  Choir ';
    expect(form.terms().title).toBe('Choir');
    form.lastDay.value = TODAY - 1;
    expect(form.problem.value).toBe('days');
    expect(dayToDate(TODAY)).toBe('2026-11-22');
    expect(dateToDay('2026-11-22')).toBe(TODAY);
    for (const wrong of ['', '22.11.2026', '2026-13-01', '2026-11-2']) expect(dateToDay(wrong)).toBe(null);
  });
});

describe('a ticket', () => {
  it('makes one room, and gives what the owner keeps', async () => {
    const port = new Rooms();
    const it = new Organise(port, '#tXz');
    it.form.title.value = 'Choir';
    expect(await it.make()).toBe(true);
    expect(port.opened).toEqual([['#tXz', { title: 'Choir', begin: 'host', lobby: true, guests: 19, strict: false, lastDay: TODAY + 90 }, 0]]);
    expect(await it.make()).toBe(false);
    expect(port.opened.length).toBe(1);
    await it.copy('link');
    expect([port.copied, it.copied.value]).toEqual([['#gAz'], 'link']);
    expect(it.credentialSaved.value).toBe(false);
    it.save();
    expect(port.saved).toEqual([['conclave-host-credential.txt', MADE.credential]]);
    expect(it.credentialSaved.value).toBe(true);
  });

  it('makes as many moderators’ keys as were asked for, eight at most, one file for each', async () => {
    for (const [typed, asked] of [[2, 2], [9, 8], [-1, 0], [Number.NaN, 0], [2.7, 2]] as const) {
      const port = new Rooms();
      const it = new Organise(port, '#tXz');
      it.moderators.value = typed;
      await it.make();
      expect(port.opened[0]?.[2]).toBe(asked);
      it.saveModerator(1);
      it.saveModerator(2);
      expect(port.saved).toEqual([['conclave-moderator-key-2.txt', 'conclave-moderator1:BB']]);
      await it.copy(0);
      expect([port.copied, it.copied.value, it.credentialSaved.value]).toEqual([['conclave-moderator1:AA'], 0, false]);
    }
  });

  it('that is refused can be tried again with other terms, and nothing was made', async () => {
    const port = new Rooms();
    port.made = { ok: false, problem: 'tooLong' };
    const it = new Organise(port, '#tXz');
    expect(await it.make()).toBe(false);
    expect([it.problem.value, it.made.value, it.working.value]).toEqual(['tooLong', null, false]);
    await it.copy('deed');
    it.save();
    expect([port.copied, port.saved]).toEqual([[], []]);
    port.made = { ok: true, room: MADE };
    expect(await it.make()).toBe(true);
    expect(it.problem.value).toBe(null);
  });

  it('is not asked for with a title that is too long; a failed copy saves nothing', async () => {
    const port = new Rooms();
    const it = new Organise(port, '#tXz');
    it.form.title.value = 'x'.repeat(121);
    expect(await it.make()).toBe(false);
    expect(port.opened).toEqual([]);
    it.form.title.value = '';
    await it.make();
    port.copies = false;
    await it.copy('credential');
    expect([it.copied.value, it.credentialSaved.value]).toEqual(['failed', false]);
  });
});

describe('a room in its owner’s hands', () => {
  it('is read, changed from what was read, and deleted', async () => {
    const port = new Rooms();
    const it = new Keep(port, 'conclave-host1:AA', '#gAz');
    await it.change();
    expect(port.errands).toEqual([]);
    await it.read();
    expect(port.errands).toEqual([{ t: 'read', owner: 'conclave-host1:AA', link: '#gAz' }]);
    expect(it.form.terms()).toEqual({ title: 'Choir', begin: 'host', lobby: true, guests: 19, strict: true, lastDay: TODAY + 9 });
    it.form.title.value = 'Orchestra';
    port.kept = { ok: true, room: { ...ROOM, title: 'Orchestra', guests: 31 } };
    await it.change();
    expect(port.errands.at(-1)).toMatchObject({ t: 'change', terms: { title: 'Orchestra' } });
    expect([it.saved.value, it.form.guests.value]).toEqual([true, 31]);
    port.kept = { ok: true, room: null };
    await it.remove();
    expect([it.deleted.value, it.room.value]).toEqual([true, null]);
    await it.read();
    expect(port.errands.length).toBe(3);
  });

  it('keeps what the person typed when somebody else was faster', async () => {
    const port = new Rooms();
    const it = new Keep(port, 'conclave-host1:AA', '#gAz');
    await it.read();
    it.form.title.value = 'Orchestra';
    port.kept = { ok: false, problem: 'stale' };
    await it.change();
    expect([it.problem.value, it.saved.value, it.form.title.value]).toEqual(['stale', false, 'Orchestra']);
    await it.remove();
    expect(it.deleted.value).toBe(false);
  });

  it('makes another credential of the deed, which is then the one to keep and to go on with', async () => {
    const port = new Rooms();
    port.kept = { ok: true, room: { ...ROOM, byDeed: true } };
    const it = new Keep(port, 'conclave-deed1:AA', '#gAz');
    await it.read();
    it.save();
    expect([it.fresh.value, port.saved]).toEqual([null, []]);
    port.kept = { ok: true, room: { ...ROOM, credential: 'conclave-host1:BB' } };
    await it.restore();
    expect(it.fresh.value).toBe('conclave-host1:BB');
    it.save();
    expect(port.saved).toEqual([['conclave-host-credential.txt', 'conclave-host1:BB']]);
    port.kept = { ok: true, room: ROOM };
    await it.change();
    expect(it.fresh.value).toBe('conclave-host1:BB');
    await it.read();
    expect(port.errands.at(-1)).toEqual({ t: 'read', owner: 'conclave-host1:BB', link: '#gAz' });
  });
});
