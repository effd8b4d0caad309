import { describe, expect, it } from 'vitest';
import type { ParsedLink, ReadOwner } from '../protocol/messages';
import { App, nameProblem, type AppPort, type CapabilityProblem, type JoinRequest } from './app';
import { CallModel } from './call';
import { Devices } from './devices';
import { KEPT_MS, Place, type KeptPlace } from './place';
import { MADE, Rooms } from './rooms.fixture';

class Port implements AppPort {
  host = 'localhost:8443';
  missing: CapabilityProblem | null = null;
  parsed: ParsedLink = { ok: true, servers: ['localhost:8443'], operatorKeys: true, personal: false };
  parses = 0;
  started: JoinRequest[] = [];
  cleared = 0;
  async parseLink(): Promise<ParsedLink> {
    this.parses += 1;
    return this.parsed;
  }
  owner: ReadOwner = { ok: true, moderator: false, link: '#gXz', servers: ['localhost:8443'], operatorKeys: false };
  asked: [string, string | null][] = [];
  async readOwner(text: string, link: string | null): Promise<ReadOwner> {
    this.asked.push([text, link]);
    return this.owner;
  }
  prepare(): void {}
  start(request: JoinRequest): CallModel {
    this.started.push(request);
    const nothing = (): void => undefined;
    const call = { chat: nothing, decide: nothing, compareNow: nothing, showSafetyNumber: nothing, shareScreen: nothing, stopScreen: nothing, unblockSound: nothing, leave: nothing };
    return new CallModel(call, { nameless: 'Someone' }, () => '12:00', request.operatorKeys);
  }
  clearAddress(): void {
    this.cleared += 1;
  }
  save(): void {}
  async copy(): Promise<boolean> {
    return true;
  }
  rooms = new Rooms();
}

/** A tab's storage, and a clock that a test moves. */
class Kept {
  record: KeptPlace | null = null;
  ms = 1_000_000;
  reloaded = false;
  later: (() => void) | null = null;
  read = () => this.record;
  write = (record: KeptPlace) => {
    this.record = { ...record, bytes: record.bytes.slice() };
  };
  remove = () => {
    this.record = null;
  };
  now = () => this.ms;
  after = (_ms: number, callback: () => void) => {
    this.later = callback;
    return () => {
      this.later = null;
    };
  };
}

function app(port = new Port(), kept = new Kept()): { app: App<{ enabled: boolean; stop(): void }>; port: Port } {
  const devices = new Devices<{ enabled: boolean; stop(): void }>({
    open: async () => ({}),
    list: async () => ({ cameras: [], microphones: [], speakers: [] }),
    watch: () => undefined,
  });
  return { app: new App(port, devices, new Place(kept)), port };
}

describe('the way into a call', () => {
  it('welcomes without a link and parses nothing', async () => {
    const { app: it, port } = app();
    await it.open('');
    expect(it.screen.value.at).toBe('welcome');
    expect(port.parses).toBe(0);
  });

  it('says what the browser lacks and keeps the link in place', async () => {
    const port = new Port();
    port.missing = 'noWebRtc';
    const { app: it } = app(port);
    await it.open('#gXz');
    expect(it.screen.value).toEqual({ at: 'error', code: 'noWebRtc' });
    expect(it.hasLink.value).toBe(true);
    expect(port.cleared).toBe(0);
    await it.copyLink();
    expect(it.copied.value).toBe('yes');
  });

  it('tells a cut link from a link for another server', async () => {
    const port = new Port();
    const { app: it } = app(port);
    port.parsed = { ok: false, problem: 'cut' };
    await it.open('#gX');
    expect(it.screen.value).toEqual({ at: 'error', code: 'cut' });
    expect(it.hasLink.value).toBe(false);
    port.parsed = { ok: true, servers: ['elsewhere.example'], operatorKeys: false, personal: false };
    await it.open('#gXz');
    expect(it.screen.value).toMatchObject({ at: 'error', code: 'otherServer', servers: ['elsewhere.example'] });
  });

  it('clears the address bar only on joining, and needs a name', async () => {
    const { app: it, port } = app();
    await it.open('#gXz');
    expect(it.screen.value.at).toBe('join');
    it.join();
    expect(port.started).toHaveLength(0);
    expect(port.cleared).toBe(0);
    it.name.value = ' Anna ';
    it.join();
    expect(port.cleared).toBe(1);
    expect(port.started[0]).toMatchObject({ name: 'Anna', server: 'localhost:8443', operatorKeys: true });
    expect(it.screen.value.at).toBe('waiting');
  });

  it('follows the call in, through a reconnect, and out', async () => {
    const { app: it } = app();
    await it.open('#gXz');
    it.name.value = 'Anna';
    it.join();
    const call = it.call.value;
    if (call === null) throw new Error('no call');
    const step = (event: Parameters<CallModel['handle']>[0]) => {
      call.handle(event);
      it.follow(call);
      return it.screen.value.at;
    };
    expect(step({ e: 'phase', phase: 'reconnecting' })).toBe('waiting');
    expect(step({ e: 'phase', phase: 'inCall' })).toBe('call');
    const self = { id: 'a', transport: 'a', name: 'Anna', role: 'guest' as const, muted: 0, invite: null, self: true, camera: false, microphone: false, screen: false, hand: false, hidden: false, lost: false, slot: null, screenSlot: false };
    step({ e: 'roster', members: [self] });
    expect(step({ e: 'phase', phase: 'reconnecting' })).toBe('call');
    expect(step({ e: 'ended', reason: 'left' })).toBe('ended');
    await it.again();
    expect(it.screen.value.at).toBe('join');
  });

  it('shows a refusal as an error, and ignores a call that is over', async () => {
    const { app: it } = app();
    await it.open('#gXz');
    it.name.value = 'Anna';
    it.join();
    const call = it.call.value;
    if (call === null) throw new Error('no call');
    call.handle({ e: 'ended', reason: 'notAllowed' });
    it.follow(call);
    expect(it.screen.value).toEqual({ at: 'error', code: 'notAllowed' });
    it.fail('plaintext');
    it.follow(call);
    expect(it.screen.value).toEqual({ at: 'error', code: 'plaintext' });
  });

  it('measures names in bytes, as the protocol does', () => {
    expect(nameProblem('  ')).toBe('empty');
    expect(nameProblem('\u200B\u202E')).toBe('empty');
    expect(nameProblem('a'.repeat(64))).toBeNull();
    expect(nameProblem('é'.repeat(33))).toBe('long');
    expect(nameProblem('🙂'.repeat(16))).toBeNull();
    expect(nameProblem('🙂'.repeat(17))).toBe('long');
  });
});

describe('a moderator’s key', () => {
  it('opens its room like the owner’s, and neither changes the room nor stands in an address', async () => {
    const { app: it, port } = app();
    port.owner = { ok: true, moderator: true, link: '#gXz', servers: ['localhost:8443'], operatorKeys: false };
    await it.open('');
    await it.openPasted('conclave-moderator1:abc');
    expect(it.owner.value).toEqual({ is: 'good', moderator: true });
    await it.keepRoom();
    expect([it.screen.value.at, it.keep.value]).toEqual(['join', null]);
    it.name.value = 'Mona';
    it.join();
    expect(port.started[0]).toMatchObject({ link: '#gXz', owner: 'conclave-moderator1:abc' });
    await it.open('#conclave-moderator1:abc');
    expect(it.screen.value).toMatchObject({ at: 'error', code: 'credential' });
  });
});

describe('an owner’s key', () => {
  it('opens its room from the start page and joins as host, and never from an address', async () => {
    const { app: it, port } = app();
    await it.open('');
    await it.openPasted(' conclave-host1:abc\n');
    expect(port.asked).toEqual([[' conclave-host1:abc\n', null]]);
    expect(it.screen.value.at).toBe('join');
    expect(it.owner.value).toEqual({ is: 'good', moderator: false });
    it.name.value = 'Hope';
    it.join();
    expect(port.started[0]).toMatchObject({ link: '#gXz', owner: 'conclave-host1:abc' });
    await it.open('#conclave-host1:abc');
    expect(it.screen.value).toMatchObject({ at: 'error', code: 'credential' });
  });

  it('says what is wrong with it where it was given, and is not used then', async () => {
    const { app: it, port } = app();
    await it.open('');
    port.owner = { ok: false, problem: 'cut' };
    await it.openPasted('conclave-host1:ab');
    expect(it.screen.value.at).toBe('welcome');
    expect(it.owner.value).toEqual({ is: 'faulty', problem: 'cut' });
    await it.openPasted('#gXz');
    expect(it.owner.value).toEqual({ is: 'none' });
    port.owner = { ok: false, problem: 'otherRoom' };
    await it.giveOwner('conclave-host1:ab');
    expect(port.asked.at(-1)).toEqual(['conclave-host1:ab', '#gXz']);
    expect(it.owner.value).toEqual({ is: 'faulty', problem: 'otherRoom' });
    it.name.value = 'Grace';
    it.join();
    expect(port.started[0]?.owner).toBeNull();
  });

  it('and the link are replaced by those that the call has from now on', async () => {
    const { app: it, port } = app();
    await it.open('#gXz');
    await it.giveOwner('conclave-host1:ab');
    it.name.value = 'Hope';
    it.join();
    const call = it.call.value;
    if (call === null) throw new Error('no call');
    for (const event of [{ e: 'linkChanged', fragment: 'gNewz' }, { e: 'credential', text: 'conclave-host1:new' }, { e: 'ended', reason: 'left' }] as const) call.handle(event);
    it.follow(call);
    await it.again();
    it.join();
    expect(port.started.at(-1)).toMatchObject({ link: '#gNewz', owner: 'conclave-host1:new' });
  });

  it('is put away again, and goes with the link that it was given for', async () => {
    const { app: it, port } = app();
    await it.open('#gXz');
    await it.giveOwner('conclave-host1:ab');
    it.dropOwner();
    it.name.value = 'Grace';
    it.join();
    expect(port.started[0]?.owner).toBeNull();
    await it.again();
    await it.giveOwner('conclave-host1:ab');
    await it.open('#gYz');
    expect(it.owner.value).toEqual({ is: 'none' });
  });
});

describe('a place that was kept', () => {
  const RECORD = new Uint8Array([1, 2, 3]);
  const storage = (left: number) => {
    const kept = new Kept();
    kept.record = { bytes: RECORD.slice(), until: kept.ms + left };
    return kept;
  };
  async function atTheDoor(kept: Kept) {
    const port = new Port();
    const { app: it } = app(port, kept);
    await it.open('#gXz');
    it.name.value = 'Anna';
    return { it, port };
  }

  it('is taken back once, with the box still ticked, and is no longer stored then', async () => {
    const kept = storage(KEPT_MS / 2);
    const { it, port } = await atTheDoor(kept);
    expect(it.place.offer.value).toBe('offered');
    it.join('back');
    expect(port.started[0]).toMatchObject({ place: RECORD, keepPlace: true });
    expect(kept.record).toBeNull();
    expect(it.place.take()).toBeNull();
  });

  it('is dropped by whoever comes as somebody new', async () => {
    const kept = storage(KEPT_MS / 2);
    const { it, port } = await atTheDoor(kept);
    it.keepPlace.value = false;
    it.join();
    expect(port.started[0]).toMatchObject({ place: null, keepPlace: false });
    expect(kept.record).toBeNull();
  });

  it('is over after its time, also while the page shows it, and the page says so', async () => {
    expect((await atTheDoor(storage(-1))).it.place.offer.value).toBe('expired');
    expect((await atTheDoor(storage(KEPT_MS + 1))).it.place.offer.value).toBe('expired');
    const kept = storage(1);
    const { it, port } = await atTheDoor(kept);
    kept.later?.();
    expect(it.place.offer.value).toBe('expired');
    expect(kept.record).toBeNull();
    it.join('back');
    expect(port.started).toHaveLength(0);
    it.join();
    expect(port.started[0]).toMatchObject({ place: null });
  });

  it('was not kept: a page loaded again says so, a page opened for the first time says nothing', async () => {
    const kept = new Kept();
    expect((await atTheDoor(kept)).it.place.offer.value).toBe('none');
    kept.reloaded = true;
    expect((await atTheDoor(kept)).it.place.offer.value).toBe('notKept');
  });

  it('is stored by a running call for as long as it runs, and forgotten at its end', () => {
    const kept = new Kept();
    const place = new Place(kept);
    place.renew();
    expect(kept.record).toBeNull();
    place.keep(RECORD.slice());
    expect(kept.record).toEqual({ bytes: RECORD, until: kept.ms + KEPT_MS });
    kept.ms += 15_000;
    place.renew();
    expect(kept.record?.until).toBe(kept.ms + KEPT_MS);
    place.forget();
    expect(kept.record).toBeNull();
    place.renew();
    expect(kept.record).toBeNull();
  });
});

describe('a ticket and an owner’s page', () => {
  it('opens the page that makes a room, without devices, and goes on as host', async () => {
    const { app: it, port } = app();
    port.parsed = { ok: true, ticket: true, servers: ['localhost:8443'], operatorKeys: false, personal: false };
    await it.open('#tXz');
    expect([it.screen.value.at, it.hasLink.value]).toEqual(['organise', false]);
    await it.makeRoom();
    expect(port.rooms.opened.map(([ticket]) => ticket)).toEqual(['#tXz']);
    expect(port.cleared).toBe(1);
    port.parsed = { ok: true, servers: ['localhost:8443'], operatorKeys: false, personal: false };
    await it.enterMade();
    expect([it.screen.value.at, it.owner.value.is, it.organise.value]).toEqual(['join', 'good', null]);
    expect(port.asked).toEqual([[MADE.credential, null]]);
    it.name.value = 'Hope';
    it.join();
    expect(port.started[0]?.owner).toBe(MADE.credential);
  });

  it('leaves a ticket that made nothing in the address, and tells tickets of other servers', async () => {
    const { app: it, port } = app();
    port.parsed = { ok: true, ticket: true, servers: ['localhost:8443'], operatorKeys: false, personal: false };
    port.rooms.made = { ok: false, problem: 'notAllowed' };
    await it.open('#tXz');
    await it.makeRoom();
    expect([port.cleared, it.screen.value.at]).toEqual([0, 'organise']);
    port.parsed = { ok: true, ticket: true, servers: ['elsewhere.example'], operatorKeys: false, personal: false };
    await it.open('#tXz');
    expect(it.screen.value).toEqual({ at: 'error', code: 'otherServer', servers: ['elsewhere.example'] });
  });

  it('keeps a room with the key that was given, and only then', async () => {
    const { app: it, port } = app();
    await it.open('#gXz');
    await it.keepRoom();
    expect(it.screen.value.at).toBe('join');
    await it.giveOwner('conclave-host1:AA');
    await it.keepRoom();
    expect([it.screen.value.at, port.rooms.errands]).toEqual(['keep', [{ t: 'read', owner: 'conclave-host1:AA', link: '#gXz' }]]);
    await it.leaveKeeping();
    expect([it.screen.value.at, it.owner.value.is]).toEqual(['join', 'good']);
    await it.keepRoom();
    port.rooms.kept = { ok: true, room: null };
    await it.keep.value?.remove();
    await it.leaveKeeping();
    expect([it.screen.value.at, it.owner.value.is, it.hasLink.value]).toEqual(['welcome', 'none', false]);
  });
});
