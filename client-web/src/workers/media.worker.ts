// The media worker: every encoded frame of the call passes through here, sealed on the way out and opened on the way in.
//
// It plumbs only: `FramePath` decides what happens to a frame, Rust does the cryptography. It has no MLS and no socket,
// so that a slow group operation never makes a gap in sound.
//
// SECURITY: keys come over the port from the core worker. A frame is handed on only as what `FramePath` returned; if the
// module is missing or breaks, frames are dropped, and the page learns it.

import init, { MediaCrypto } from '../generated/frame/conclave_frame_wasm.js';
import wasmUrl from '../generated/frame/conclave_frame_wasm_bg.wasm?url';
import { TrackKind, type CoreToMedia, type MainToMedia, type MediaToMain, type TransformOptions } from '../protocol/messages';
import { FramePath, type FrameFacts, type OwnerChange } from './frame-path';
import type { FrameCrypto } from './frame-crypto';

declare const self: DedicatedWorkerGlobalScope;
type Frame = RTCEncodedAudioFrame | RTCEncodedVideoFrame;

/** How long a new owner's first frame waits for the page. Longer freezes a slot behind a stuck page, which then asks for a key frame anyway. */
const CLEAR_WAIT_MS = 1_000;

/**
 * The transformers of the newest connection and of the one that it replaces, only to be held. Chromium 156 collects one that
 * nothing refers to although its connection lives, and then no frame comes, ever: measured for one connection in forty.
 */
let held: { readonly connection: number; readonly transformer: RTCRtpScriptTransformer }[] = [];

const path = new FramePath();
const cleared = new Map<string, () => void>();
let early: CoreToMedia[] = [];
let ready = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function post(message: MediaToMain): void {
  self.postMessage(message);
}

// Transforms may start before the module is there, so the handler is set in the first task.
self.onrtctransform = (event: RTCTransformEvent) => {
  const { transformer } = event;
  // SECURITY: options are our own, made by the page beside the transform.
  const options = transformer.options as TransformOptions;
  held = [...held.filter(({ connection }) => connection >= options.connection - 1), { connection: options.connection, transformer }];
  const stream = new TransformStream<Frame, Frame>(options.side === 'send' ? sealing(options) : opening(options));
  // A stream ends with its connection; there is nobody to tell.
  transformer.readable.pipeThrough(stream).pipeTo(transformer.writable).catch(() => undefined);
};

function sealing(options: TransformOptions): Transformer<Frame, Frame> {
  return {
    transform(frame, controller) {
      const sealed = path.seal(options, facts(frame), Math.floor(performance.now()), new Uint8Array(frame.data));
      if (sealed === undefined) return;
      frame.data = exact(sealed);
      controller.enqueue(frame);
    },
  };
}

function opening(options: TransformOptions): Transformer<Frame, Frame> {
  const picture = options.kind === TrackKind.Camera || options.kind === TrackKind.Screen;
  return {
    async transform(frame, controller) {
      const opened = path.open(options, facts(frame), performance.now(), new Uint8Array(frame.data));
      if (opened === undefined) return;
      // SECURITY: without the page's answer this frame is dropped, and so is every one after it until there is one.
      if (opened.change !== null && picture && !(await clear(options, opened.change))) {
        path.forgetOwner(options.connection, opened.change.mid);
        return;
      }
      frame.data = exact(opened.media);
      controller.enqueue(frame);
    },
  };
}

/** Holds a new owner's first frame back until the page shows the slot under nobody else's name. */
function clear(options: TransformOptions, change: OwnerChange): Promise<boolean> {
  const { connection } = options;
  return new Promise((resolve) => {
    const key = `${connection}/${change.mid}/${change.transport}`;
    const settle = (done: boolean): void => {
      clearTimeout(patience);
      cleared.delete(key);
      resolve(done);
    };
    const patience = setTimeout(() => settle(false), CLEAR_WAIT_MS);
    cleared.set(key, () => settle(true));
    post({ t: 'slotOwner', connection, ...change });
  });
}

function facts(frame: Frame): FrameFacts {
  const metadata = frame.getMetadata();
  const type = 'type' in frame ? frame.type : undefined;
  return {
    payloadType: metadata.payloadType,
    mimeType: metadata.mimeType,
    keyFrame: type === 'key',
    rtpTimestamp: metadata.rtpTimestamp ?? null,
  };
}

/** The bytes in a buffer of their own: what Rust returns may be a view. */
function exact(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

function handleCore(message: CoreToMedia): void {
  if (!ready) {
    early.push(message);
    return;
  }
  try {
    path.handleCore(message, performance.now());
  } catch {
    // Without keys every frame is dropped: silent, not leaking.
    post({ t: 'failed' });
  }
  schedule();
}

/** Old epochs' keys are wiped and waiting switches happen on time, also when no frame passes. */
function schedule(): void {
  clearTimeout(timer);
  const at = path.handleTime(performance.now());
  if (at !== undefined) timer = setTimeout(schedule, Math.max(1, at - performance.now()));
}

self.onmessage = (event: MessageEvent<MainToMedia<MessagePort>>) => {
  const message = event.data;
  switch (message.t) {
    case 'port':
      message.port.onmessage = (inner: MessageEvent<CoreToMedia>) => handleCore(inner.data);
      break;
    case 'negotiated':
      path.negotiated(message.connection, message.places);
      break;
    case 'counts':
      post({ t: 'counts', ask: message.ask, senders: path.counts(message.connection) });
      break;
    case 'slotCleared':
      cleared.get(`${message.connection}/${message.mid}/${message.transport}`)?.();
      break;
  }
};

init({ module_or_path: wasmUrl }).then(
  () => {
    path.ready((): FrameCrypto => new MediaCrypto());
    ready = true;
    const waiting = early;
    early = [];
    for (const message of waiting) handleCore(message);
  },
  () => post({ t: 'failed' }),
);
