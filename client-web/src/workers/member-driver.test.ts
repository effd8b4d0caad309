import { describe, expect, it } from 'vitest';
import type { CoreToMain, CoreToMedia } from '../protocol/messages';
import type { CoreMember } from './core-objects';
import { MemberDriver, type DriverPort, type Socket } from './member-driver';

class FakeSocket implements Socket {
  binaryType = '';
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: number[] = [];
  closed = false;
  send(data: Uint8Array): void {
    this.sent.push(data[0] ?? -1);
  }
  close(): void {
    this.closed = true;
  }
}

class FakeCore implements CoreMember {
  inputs: unknown[] = [];
  frames: Uint8Array[] = [];
  outputs: unknown[] = [];
  wake: number | undefined;
  input(_now: number, json: string): void {
    this.inputs.push(JSON.parse(json));
  }
  socketFrame(_now: number, bytes: Uint8Array): void {
    this.frames.push(bytes);
  }
  poll(): unknown {
    return this.outputs.shift();
  }
  timeout(): number | undefined {
    return this.wake;
  }
  freed = 0;
  free(): void {
    this.freed += 1;
  }
}

class World implements DriverPort {
  time = 1_000;
  timers = new Map<number, { at: number; callback: () => void }>();
  sockets: FakeSocket[] = [];
  toPage: CoreToMain[] = [];
  toMedia: CoreToMedia[] = [];
  #next = 1;
  now(): number {
    return this.time;
  }
  setTimer(callback: () => void, ms: number): number {
    this.timers.set(this.#next, { at: this.time + ms, callback });
    return this.#next++;
  }
  clearTimer(id: number): void {
    this.timers.delete(id);
  }
  openSocket(): Socket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }
  page(message: CoreToMain): void {
    this.toPage.push(message);
  }
  media(message: CoreToMedia): void {
    this.toMedia.push(message);
  }
  wiped = 0;
  freed(): void {
    this.wiped += 1;
  }
  advance(ms: number): void {
    this.time += ms;
    for (const [id, timer] of [...this.timers]) {
      if (timer.at > this.time || !this.timers.delete(id)) continue;
      timer.callback();
    }
  }
}

function driven(): { core: FakeCore; world: World; driver: MemberDriver; socket: () => FakeSocket } {
  const core = new FakeCore();
  const world = new World();
  core.outputs.push({ t: 'openSocket', afterMs: 200 });
  const driver = new MemberDriver(core, world);
  world.advance(200);
  const socket = (): FakeSocket => {
    const last = world.sockets.at(-1);
    if (last === undefined) throw new Error('no socket');
    return last;
  };
  return { core, world, driver, socket };
}

const wire = (first: number, high: boolean) => ({ t: 'send', high, bytes: new Uint8Array([first]) });

describe('the driver of the core', () => {
  it('opens the socket when asked and hands on what happens to it', () => {
    const { core, socket } = driven();
    socket().onopen?.();
    socket().onmessage?.({ data: new Uint8Array([7]).buffer });
    socket().onmessage?.({ data: 'text frames are not ours' });
    socket().onclose?.({ code: 1006 });
    expect(core.inputs).toEqual([{ t: 'socketOpen' }, { t: 'socketClosed', code: 1006 }]);
    expect(core.frames.map((frame) => frame[0])).toEqual([7]);
  });

  it('does not hear a socket that was replaced', () => {
    const { core, world, driver, socket } = driven();
    const old = socket();
    core.outputs.push({ t: 'openSocket', afterMs: 0 });
    driver.intent({ t: 'leave' });
    world.advance(0);
    expect(old.closed).toBe(true);
    old.onmessage?.({ data: new ArrayBuffer(1) });
    old.onclose?.({ code: 1000 });
    expect(core.frames).toHaveLength(0);
    expect(core.inputs).toEqual([{ t: 'leave' }]);
  });

  it('keeps bulk back while the socket is full, and lets urgent frames pass', () => {
    const { core, world, driver, socket } = driven();
    socket().bufferedAmount = 1_000_000;
    core.outputs.push(wire(1, false), wire(2, true), wire(3, false));
    driver.intent({ t: 'leave' });
    expect(socket().sent).toEqual([2]);
    world.advance(20);
    expect(socket().sent).toEqual([2]);
    socket().bufferedAmount = 0;
    world.advance(20);
    expect(socket().sent).toEqual([2, 1, 3]);
  });

  it('sends what waits before it closes: the farewell among it', () => {
    const { core, driver, socket } = driven();
    socket().bufferedAmount = 1_000_000;
    core.outputs.push(wire(1, false), { t: 'closeSocket' });
    driver.intent({ t: 'leave' });
    expect(socket().sent).toEqual([1]);
    expect(socket().closed).toBe(true);
  });

  it('frees the core when it is over, and asks it nothing more while the farewell leaves', () => {
    const { core, world, driver, socket } = driven();
    core.wake = world.time + 50;
    core.outputs.push({ t: 'closeSocket' }, { t: 'state', state: 'ended', reason: 'left' });
    driver.intent({ t: 'leave' });
    expect([core.freed, world.wiped]).toEqual([1, 1]);
    expect(world.toPage.at(-1)).toEqual({ t: 'event', event: { e: 'ended', reason: 'left' } });
    core.outputs.push(wire(1, true));
    socket().onmessage?.({ data: new ArrayBuffer(1) });
    driver.intent({ t: 'showSafetyNumber' });
    world.advance(1_000);
    expect(core.inputs).toEqual([{ t: 'leave' }]);
    expect([core.freed, core.frames.length, socket().sent.length]).toEqual([1, 0, 0]);
  });

  it('wakes the core when it asked to be woken', () => {
    const { core, world, driver } = driven();
    core.wake = world.time + 50.5;
    driver.intent({ t: 'showSafetyNumber' });
    core.wake = undefined;
    world.advance(50);
    expect(core.inputs).toHaveLength(1);
    world.advance(1);
    expect(core.inputs.at(-1)).toEqual({ t: 'tick' });
  });

  it('gives keys to the media worker only, and events to the page only', () => {
    const { core, world, driver } = driven();
    core.outputs.push(
      { t: 'keys', group: new Uint8Array(16), epoch: 3n, baseKey: new Uint8Array(16), ownLeaf: 1, leaves: new Uint8Array(20), removed: new Uint32Array(), dropOldAfterMs: 5, switchAfterMs: 0 },
      { t: 'state', state: 'inCall' },
      { t: 'somethingNew' },
      { t: 'keys', epoch: 'not a number' },
    );
    driver.intent({ t: 'showSafetyNumber' });
    expect(world.toMedia.map((message) => message.t)).toEqual(['keys']);
    expect(world.toPage).toEqual([{ t: 'event', event: { e: 'phase', phase: 'inCall' } }]);
  });
});
