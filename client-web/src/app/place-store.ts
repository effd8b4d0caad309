// Where a kept place lies: one item of the tab's session storage. Nothing else of this client is ever stored.
//
// SECURITY: session storage belongs to one tab and one origin and goes with the tab; browsers may write it to disk
// meanwhile (what they leave there is pinned by a test that reads their profiles). Only `state/place.ts` decides when.

import type { KeptPlace, PlacePort } from '../state/place';

const ITEM = 'conclave.place';

/** `null` where the browser has storage switched off: then nothing can be kept, and calls work as ever. */
function storage(): Storage | null {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

function read(): KeptPlace | null {
  try {
    const record: unknown = JSON.parse(storage()?.getItem(ITEM) ?? 'null');
    if (typeof record !== 'object' || record === null || !('place' in record) || !('until' in record)) return null;
    const { place, until } = record;
    if (typeof place !== 'string' || typeof until !== 'number') return null;
    return { bytes: Uint8Array.from(atob(place.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0)), until };
  } catch {
    return null;
  }
}

function write({ bytes, until }: KeptPlace): void {
  const place = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  try {
    storage()?.setItem(ITEM, JSON.stringify({ place, until }));
  } catch {
    // Full or refused: the place is not kept, and the next load says so.
  }
}

export function browserPlace(): PlacePort {
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  return {
    read,
    write,
    remove: () => storage()?.removeItem(ITEM),
    now: () => Date.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    // In a call the link is no longer in the address; at the door it is, and nothing was lost by loading that again.
    reloaded: navigation?.type === 'reload' && location.hash === '',
  };
}
