import { describe, expect, it } from 'vitest';
import { fault, readKept, readMade, runErrand, runMaking } from './errand';
import type { Socket } from './member-driver';

class Wire implements Socket {
  binaryType = '';
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: Uint8Array[] = [];
  closed = 0;
  send(data: Uint8Array): void {
    this.sent.push(data);
  }
  close(): void {
    this.closed += 1;
  }
}

function errand(request: (frame: Uint8Array) => Uint8Array = (frame) => frame) {
  const wire = new Wire();
  let late = (): void => undefined;
  const port = { openSocket: () => wire, setTimer: (callback: () => void) => ((late = callback), 1), clearTimer: () => undefined };
  const outcome = runErrand(port, { request, settle: (frame) => ({ ok: true, room: null, said: frame[0] }) });
  const frame = (byte: number): void => wire.onmessage?.({ data: new Uint8Array([byte]).buffer });
  return { wire, outcome, frame, late: () => late() };
}

describe('one request on a socket of its own', () => {
  it('answers the challenge once and ends with the answer', async () => {
    const { wire, outcome, frame } = errand();
    frame(7);
    expect(wire.sent).toEqual([new Uint8Array([7])]);
    frame(8);
    expect(await outcome).toMatchObject({ said: 8 });
    expect([wire.closed, wire.onmessage]).toEqual([1, null]);
  });

  it('ends with the word of a refused request, of a silent server, of a lost one', async () => {
    const refused = errand(() => {
      throw 'title';
    });
    refused.frame(1);
    expect(await refused.outcome).toEqual({ ok: false, code: 'title' });
    const silent = errand();
    silent.late();
    expect(await silent.outcome).toEqual({ ok: false, code: 'serverAway' });
    const lost = errand();
    lost.wire.onclose?.({ code: 1006 });
    expect(await lost.outcome).toEqual({ ok: false, code: 'serverAway' });
    const odd = errand();
    odd.wire.onmessage?.({ data: 'text' });
    expect(await odd.outcome).toEqual({ ok: false, code: 'incompatible' });
  });

  it('asks for a lost answer: the room may be there, and its keys nowhere else', async () => {
    const wires: Wire[] = [];
    const later: (() => void)[] = [];
    const port = { openSocket: () => (wires.push(new Wire()), wires[wires.length - 1] as Wire), setTimer: (callback: () => void, ms: number) => (ms < 15_000 && later.push(callback), 1), clearTimer: () => undefined };
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
    const making = { request: () => new Uint8Array([1]), inquiry: () => new Uint8Array([2]), settle: (frame: Uint8Array) => (frame[0] === 9 ? { ok: true } : { ok: false, code: 'notAllowed' }) };
    const say = (wire: Wire | undefined, byte: number): void => wire?.onmessage?.({ data: new Uint8Array([byte]).buffer });
    const run = async (answer: number): Promise<unknown> => {
      wires.length = 0;
      const made = runMaking(port, making);
      say(wires[0], 0);
      wires[0]?.onclose?.({ code: 1006 });
      // The server is not back yet.
      await turn();
      later.pop()?.();
      await turn();
      wires[1]?.onclose?.({ code: 1006 });
      await turn();
      later.pop()?.();
      await turn();
      say(wires[2], 0);
      expect(wires.map(({ sent }) => sent[0]?.[0])).toEqual([1, undefined, 2]);
      say(wires[2], answer);
      return made;
    };
    expect(await run(9)).toEqual({ ok: true });
    expect(await run(8)).toEqual({ ok: false, code: 'serverAway' });
  });

  it('lets nothing half-known travel on', () => {
    expect(readMade(fault(new Error('trap')))).toEqual({ ok: false, problem: 'incompatible' });
    expect(readMade({ ok: false, code: 'made up' })).toEqual({ ok: false, problem: 'incompatible' });
    expect(readMade({ ok: true, guestLink: 'g', credential: 'c', deed: 'd', moderators: ['m'], lastDay: 9 })).toEqual({ ok: true, room: { guestLink: 'g', credential: 'c', deed: 'd', moderators: ['m'], lastDay: 9 } });
    expect(readKept({ ok: true, room: null })).toEqual({ ok: true, room: null });
    expect(readKept({ ok: true, room: { title: 'T', begin: 'anyone', lobby: false, guests: null } })).toMatchObject({ room: { begin: 'anyone', guests: null, lastDay: 0 } });
  });
});
