// The core worker: the member's brain (Rust, MLS), the socket and the clock. It owns no media and no screen.
//
// SECURITY: keys leave here only over the port to the media worker; the page cannot ask for them.

import init, { Core, parseLink, readOwner, wipeStack } from '../generated/core/conclave_core_wasm.js';
import wasmUrl from '../generated/core/conclave_core_wasm_bg.wasm?url';
import type { CoreToMain, CoreToMedia, MainToCore } from '../protocol/messages';
import { readLink, readOwnerKey, type CoreMember } from './core-objects';
import type { ErrandPort } from './errand';
import { keepRoom, openRoom } from './rooms';
import { MemberDriver, type DriverPort, type Socket } from './member-driver';

declare const self: DedicatedWorkerGlobalScope;

/** The subprotocol that names this version of the wire language. */
const SUBPROTOCOL = 'conclave.1';
const SEED_BYTES = 32;

const loaded = init({ module_or_path: wasmUrl });
let driver: MemberDriver | null = null;

function post(message: CoreToMain): void {
  self.postMessage(message);
}

/** SECURITY: a place that the person did not allow to be kept is not even told. */
function told(message: CoreToMain, keepPlace: boolean): void {
  if (message.t !== 'place' || keepPlace) post(message);
  if (message.t === 'place') message.bytes.fill(0);
}

function port(socketUrl: string, media: MessagePort, keepPlace: boolean): DriverPort {
  return {
    now: () => performance.now(),
    setTimer: (callback, ms) => self.setTimeout(() => guarded(callback), ms),
    clearTimer: (id) => self.clearTimeout(id),
    openSocket: () => guardSocket(new WebSocket(socketUrl, SUBPROTOCOL)),
    page: (message) => told(message, keepPlace),
    media: (message: CoreToMedia) => media.postMessage(message, message.t === 'keys' ? [message.baseKey.buffer] : []),
    freed: () => wipeStack(),
  };
}

function errandPort(socketUrl: string): ErrandPort {
  return {
    setTimer: (callback, ms) => self.setTimeout(() => guarded(callback), ms),
    clearTimer: (id) => self.clearTimeout(id),
    openSocket: () => guardSocket(new WebSocket(socketUrl, SUBPROTOCOL)),
  };
}

/** Events of the socket run the core; a trap there must be told, not swallowed by the event loop. */
function guardSocket(socket: WebSocket): Socket {
  const guard: Socket = {
    set binaryType(type: string) {
      socket.binaryType = type === 'arraybuffer' ? 'arraybuffer' : 'blob';
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (data) => socket.send(new Uint8Array(data)),
    close: () => socket.close(),
  };
  socket.onopen = () => guarded(() => guard.onopen?.());
  socket.onmessage = (event: MessageEvent<unknown>) => guarded(() => guard.onmessage?.({ data: event.data }));
  socket.onclose = (event) => guarded(() => guard.onclose?.({ code: event.code }));
  return guard;
}

/** After a panic in Rust nothing of its state can be trusted: the page ends the call. */
function guarded(work: () => void): void {
  try {
    work();
  } catch {
    driver = null;
    post({ t: 'failed' });
  }
}

function handle(message: MainToCore<MessagePort>): void {
  switch (message.t) {
    case 'parseLink':
      post({ t: 'linkParsed', ask: message.ask, link: readLink(parseLink(message.text)) });
      break;
    case 'readOwner':
      post({ t: 'ownerRead', ask: message.ask, owner: readOwnerKey(readOwner(message.text, message.link, message.today)) });
      break;
    case 'join': {
      const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
      const core: CoreMember = new Core(message.link, message.server, message.name, message.codecs, seed, message.place, message.owner, message.today);
      seed.fill(0);
      message.place?.fill(0);
      driver = new MemberDriver(core, port(message.socketUrl, message.media, message.keepPlace));
      break;
    }
    case 'openRoom':
      void openRoom(errandPort(message.socketUrl), message).then(post);
      break;
    case 'keepRoom':
      void keepRoom(errandPort(message.socketUrl), message.ask, message.server, message.errand).then(post);
      break;
    case 'intent':
      driver?.intent(message.intent);
      break;
  }
}

self.onmessage = (event: MessageEvent<MainToCore<MessagePort>>) => {
  void loaded.then(
    () => guarded(() => handle(event.data)),
    () => post({ t: 'failed' }),
  );
};
