// Starts the two workers. Under Trusted Types only the addresses named here can become a script.

import type { CoreToMain, MainToCore, MainToMedia, MediaToMain } from '../protocol/messages';
import coreUrl from '../workers/core.worker.ts?worker&url';
import mediaUrl from '../workers/media.worker.ts?worker&url';

/** The little of Trusted Types that is used; the type library does not have it. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): unknown };
}

const OWN: ReadonlySet<string> = new Set([coreUrl, mediaUrl]);

/** SECURITY: the one policy of this page; the server's header allows no other name. */
const policy = (globalThis as { readonly trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('conclave', {
  createScriptURL(url) {
    if (!OWN.has(url)) throw new TypeError('not a script of this page');
    return url;
  },
});

function start(url: string): Worker {
  const trusted = policy === undefined ? url : policy.createScriptURL(url);
  // `Worker` takes a TrustedScriptURL where Trusted Types exist; the type library knows only strings.
  return new Worker(trusted as string, { type: 'module' });
}

/** A worker that understands `In` and says `Out`. */
export class TypedWorker<In, Out> {
  readonly worker: Worker;

  constructor(url: string, onMessage: (message: Out) => void, onFault: () => void) {
    this.worker = start(url);
    this.worker.onmessage = (event: MessageEvent<Out>) => onMessage(event.data);
    this.worker.onerror = onFault;
    this.worker.onmessageerror = onFault;
  }

  post(message: In, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  stop(): void {
    this.worker.terminate();
  }
}

export type CoreWorker = TypedWorker<MainToCore<MessagePort>, CoreToMain>;
export type MediaWorker = TypedWorker<MainToMedia<MessagePort>, MediaToMain>;

export function startCore(onMessage: (message: CoreToMain) => void, onFault: () => void): CoreWorker {
  return new TypedWorker(coreUrl, onMessage, onFault);
}

export function startMedia(onMessage: (message: MediaToMain) => void, onFault: () => void): MediaWorker {
  return new TypedWorker(mediaUrl, onMessage, onFault);
}
