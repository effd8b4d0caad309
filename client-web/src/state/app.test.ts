import { describe, expect, it } from 'vitest';
import type { ParsedLink } from '../protocol/messages';
import { App, nameProblem, type AppPort, type CapabilityProblem, type JoinRequest } from './app';
import { CallModel } from './call';
import { Devices } from './devices';

class Port implements AppPort {
  host = 'localhost:8443';
  missing: CapabilityProblem | null = null;
  parsed: ParsedLink = { ok: true, servers: ['localhost:8443'], operatorKeys: true };
  parses = 0;
  started: JoinRequest[] = [];
  cleared = 0;
  async parseLink(): Promise<ParsedLink> {
    this.parses += 1;
    return this.parsed;
  }
  start(request: JoinRequest): CallModel {
    this.started.push(request);
    const nothing = (): void => undefined;
    const call = { chat: nothing, showSafetyNumber: nothing, shareScreen: nothing, stopScreen: nothing, unblockSound: nothing, leave: nothing };
    return new CallModel(call, { nameless: 'Someone' }, () => '12:00', request.operatorKeys);
  }
  clearAddress(): void {
    this.cleared += 1;
  }
  async copy(): Promise<boolean> {
    return true;
  }
}

function app(port = new Port()): { app: App<{ enabled: boolean; stop(): void }>; port: Port } {
  const devices = new Devices<{ enabled: boolean; stop(): void }>({
    open: async () => ({}),
    list: async () => ({ cameras: [], microphones: [], speakers: [] }),
    watch: () => undefined,
  });
  return { app: new App(port, devices), port };
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
    port.parsed = { ok: true, servers: ['elsewhere.example'], operatorKeys: false };
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
    const self = { id: 'a', transport: 'a', name: 'Anna', self: true, camera: false, microphone: false, screen: false, hand: false, hidden: false, lost: false, slot: null, screenSlot: false };
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
