// A person's place in a call, kept for a tab that is loaded again: only if they ticked the box, and for two minutes. No DOM.
//
// What is kept is the core's record (member id, two seeds, call id): with it, whoever has the link as well is that member
// again. So it is written only while the call runs, its end is moved on while it runs, and it is deleted by leaving, by any
// end, by being taken, and by expiry. The name is not in it and has to be given again.

import { signal } from '@preact/signals-core';

/** From the last sign of life of the tab. A phone that puts a tab away for longer has usually ended the call for its owner too; longer lies about for longer. */
export const KEPT_MS = 120_000;
/** The end is moved on this often: a tab that dies without a word leaves at least 105 s. More often only writes more. */
export const RENEW_MS = 15_000;

export interface KeptPlace {
  readonly bytes: Uint8Array;
  /** Wall clock, ms: the tab's own clock begins anew when it is loaded again. */
  readonly until: number;
}

export interface PlacePort {
  read(): KeptPlace | null;
  write(place: KeptPlace): void;
  remove(): void;
  /** Wall clock, ms. */
  now(): number;
  /** Calls back later; returns how to call that off. */
  after(ms: number, callback: () => void): () => void;
  /** The page was loaded again, and without a link: perhaps out of a call. */
  readonly reloaded: boolean;
}

/** `offered`: it can be taken back. The others say why not. */
export type PlaceOffer = 'none' | 'offered' | 'expired' | 'notKept';

export class Place {
  readonly offer = signal<PlaceOffer>('none');
  readonly #port: PlacePort;
  #found: Uint8Array | null = null;
  #kept: Uint8Array | null = null;
  #callOff: () => void = () => undefined;

  constructor(port: PlacePort) {
    this.#port = port;
    const found = port.read();
    if (found === null) {
      // Whatever could not be read is of no use to anybody else either.
      port.remove();
      if (port.reloaded) this.offer.value = 'notKept';
      return;
    }
    const left = found.until - port.now();
    // An end further away than any that is written: somebody set the clock.
    if (left <= 0 || left > KEPT_MS) {
      found.bytes.fill(0);
      port.remove();
      this.offer.value = 'expired';
      return;
    }
    this.#found = found.bytes;
    this.offer.value = 'offered';
    this.#callOff = port.after(left, () => {
      this.drop();
      this.offer.value = 'expired';
    });
  }

  /** The record, once. `null`: it is over. From here on it is the running call's to keep. */
  take(): Uint8Array | null {
    const bytes = this.#found;
    this.#found = null;
    this.drop();
    return bytes;
  }

  /** The person comes as somebody new. */
  drop(): void {
    this.#callOff();
    this.#found?.fill(0);
    this.#found = null;
    this.#port.remove();
    this.offer.value = 'none';
  }

  /** The running call's place, to be kept from now on. */
  keep(bytes: Uint8Array): void {
    this.#kept?.fill(0);
    this.#kept = bytes;
    this.renew();
  }

  get kept(): boolean {
    return this.#kept !== null;
  }

  /** The call still runs. */
  renew(): void {
    if (this.#kept !== null) this.#port.write({ bytes: this.#kept, until: this.#port.now() + KEPT_MS });
  }

  /** The call is over for this tab, whatever the reason. */
  forget(): void {
    this.#kept?.fill(0);
    this.#kept = null;
    this.#port.remove();
  }
}
