// Drives the core: feeds it the socket, time and intents, and carries out what it asks for.
//
// The core decides everything; this file owns the WebSocket and the timers. Rule of use: after every input all outputs
// are taken and the timer is set again. When the core says that it is over, it is freed on the spot.

import type { CoreToMain, CoreToMedia, Intent } from '../protocol/messages';
import { readOutput, type CoreMember } from './core-objects';

/** The little of a WebSocket that is used. */
export interface Socket {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

export interface DriverPort {
  now(): number;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(id: number): void;
  openSocket(): Socket;
  page(message: CoreToMain): void;
  media(message: CoreToMedia): void;
  /** The core was freed: wipes what its calls left on the stack. */
  freed(): void;
}

/** Bytes that may wait in the socket before low-priority frames hold back. Larger: chat waits behind bulk on slow uplinks. */
const SOCKET_BACKLOG = 64 * 1024;
/** How often a full socket is looked at again; there is no event for it. */
const BACKLOG_CHECK_MS = 20;
/** Outputs taken in one go. The core has none left long before; a fault must not freeze the worker. */
const MAX_OUTPUTS = 100_000;
/** `setTimeout` counts in 31 bits. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

export class MemberDriver {
  #socket: Socket | null = null;
  #waiting: Uint8Array[] = [];
  #wakeTimer: number | null = null;
  #openTimer: number | null = null;
  #backlogTimer: number | null = null;
  #core: CoreMember | null;
  readonly #port: DriverPort;

  constructor(core: CoreMember, port: DriverPort) {
    this.#core = core;
    this.#port = port;
    this.#drain();
  }

  intent(intent: Intent): void {
    this.#input(intent);
  }

  #input(input: object): void {
    this.#core?.input(this.#port.now(), JSON.stringify(input));
    this.#drain();
  }

  #drain(): void {
    const core = this.#core;
    if (core === null) return;
    let over = false;
    for (let taken = 0; taken < MAX_OUTPUTS; taken += 1) {
      const raw = core.poll();
      if (raw === undefined || raw === null) break;
      const output = readOutput(raw);
      if (output === null) continue;
      if (output.to === 'page') {
        this.#port.page(output.message);
        over ||= output.message.t === 'event' && output.message.event.e === 'ended';
      } else if (output.to === 'media') this.#port.media(output.message);
      else if (output.to === 'wire') this.#send(output.high, output.bytes);
      else if (output.open) this.#openAfter(output.afterMs);
      else this.#close();
    }
    if (over) this.#free(core);
    this.#arm();
  }

  /** SECURITY: whoever has left keeps no secret for the moment that the farewell needs to leave the socket; what the core frees is wiped. */
  #free(core: CoreMember): void {
    this.#core = null;
    core.free();
    this.#port.freed();
  }

  #arm(): void {
    if (this.#wakeTimer !== null) this.#port.clearTimer(this.#wakeTimer);
    this.#wakeTimer = null;
    const at = this.#core?.timeout();
    if (at === undefined) return;
    // Timers may fire a fraction of a millisecond early; the core counts whole ones.
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(at - this.#port.now())));
    this.#wakeTimer = this.#port.setTimer(() => {
      this.#wakeTimer = null;
      this.#input({ t: 'tick' });
    }, wait);
  }

  #openAfter(ms: number): void {
    this.#close();
    this.#openTimer = this.#port.setTimer(() => {
      this.#openTimer = null;
      this.#open();
    }, ms);
  }

  #open(): void {
    const socket = this.#port.openSocket();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (this.#socket === socket) this.#input({ t: 'socketOpen' });
    };
    socket.onmessage = ({ data }) => {
      // Text frames are not part of the protocol; the core would refuse them as malformed, so they end here.
      if (this.#socket !== socket || !(data instanceof ArrayBuffer)) return;
      this.#core?.socketFrame(this.#port.now(), new Uint8Array(data));
      this.#drain();
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#waiting = [];
      this.#input({ t: 'socketClosed', code });
    };
  }

  #close(): void {
    if (this.#openTimer !== null) this.#port.clearTimer(this.#openTimer);
    this.#openTimer = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    // What is left goes out before the closing handshake: the signed farewell must not stay behind bulk.
    for (const bytes of this.#waiting) socket.send(bytes);
    this.#waiting = [];
    socket.close();
  }

  #send(high: boolean, bytes: Uint8Array): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (high || (this.#waiting.length === 0 && socket.bufferedAmount < SOCKET_BACKLOG)) {
      socket.send(bytes);
      return;
    }
    this.#waiting.push(bytes);
    this.#watchBacklog();
  }

  #watchBacklog(): void {
    if (this.#backlogTimer !== null) return;
    this.#backlogTimer = this.#port.setTimer(() => {
      this.#backlogTimer = null;
      const socket = this.#socket;
      while (socket !== null && socket.bufferedAmount < SOCKET_BACKLOG) {
        const bytes = this.#waiting.shift();
        if (bytes === undefined) return;
        socket.send(bytes);
      }
      if (socket !== null) this.#watchBacklog();
    }, BACKLOG_CHECK_MS);
  }
}
