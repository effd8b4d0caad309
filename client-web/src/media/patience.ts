// How long an answered connection may take to be there. No DOM.
//
// A handshake whose datagrams were lost at the wrong moment, or a path that was gone before it was used: the browser goes on
// trying with what it has, and a person sees nothing and hears nothing. Another connection, with new keys and ports, is
// begun instead. Rule of use: `begin` with every answer that was applied, `stop` when the connection is closed.

/**
 * From the answer to `connected`: 40 ms on a good path, two seconds on a bad one. Sooner would throw away handshakes that
 * are about to succeed (a lost datagram is repeated after one second, then two, then four); later is a dead call.
 */
export const CONNECT_MS = 10_000;

export class Patience {
  readonly #connected: () => boolean;
  readonly #lost: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(connected: () => boolean, lost: () => void) {
    this.#connected = connected;
    this.#lost = lost;
  }

  /** An answer was applied. Another one meanwhile, as of a restart, begins the wait anew. */
  begin(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#connected()) this.#lost();
    }, CONNECT_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
