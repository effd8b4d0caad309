// When offers are made: one at a time, and again after one that was refused or could not be made. No DOM.
//
// Rule of use: `make` where a fault ends the call anyway, `attempt` everywhere else; `answered` and `refused` for what the
// server says. A refused restart that nobody repeats would leave a member on a dead path for the rest of the call.

/**
 * Until the first repetition; doubles. The server's limit gives back one offer in two seconds; sooner would be refused
 * again, much later leaves people without sound.
 */
const FIRST_RETRY_MS = 2_000;
/**
 * Repetitions in a row: with doubling, they reach over a minute, the period of the server's limit. An offer that is still
 * refused then is one that this server cannot use; more would only be load.
 */
const MOST_RETRIES = 5;
/** Refusals in a row before a person hears of it. The first is mended within seconds. */
const REFUSALS_BEFORE_NEWS = 2;

export class Offers {
  readonly #make: (restart: boolean) => Promise<void>;
  /** `making`: not sent yet, so nothing that the server says can be about it. */
  #state: 'idle' | 'making' | 'out' = 'idle';
  #restart = false;
  /** The offer in the making is to be replaced as soon as it is made. */
  #stale = false;
  #again: 'no' | 'offer' | 'restart' = 'no';
  #retry: { readonly restart: boolean; readonly timer: ReturnType<typeof setTimeout> } | null = null;
  #failures = 0;
  #refusals = 0;
  #closed = false;

  /** `make` makes and sends an offer; with `true`, one that restarts the path. */
  constructor(make: (restart: boolean) => Promise<void>) {
    this.#make = make;
  }

  /** An offer is out and waits for its answer. */
  get out(): boolean {
    return this.#state === 'out';
  }

  /** Makes an offer, or, while one is out, another after its answer. Throws what the making throws; the next may succeed. */
  async make(restart: boolean): Promise<void> {
    if (this.#closed) return;
    if (this.#state !== 'idle') {
      this.#again = restart || this.#again === 'restart' ? 'restart' : 'offer';
      return;
    }
    this.#state = 'making';
    this.#restart = this.#takeRetry() || restart;
    try {
      await this.#make(this.#restart);
      this.#state = 'out';
      if (this.#stale) {
        this.#stale = false;
        this.replace();
      }
    } catch (fault) {
      this.#state = 'idle';
      // A connection that was closed meanwhile makes no offers; that is no fault.
      if (!this.#closed) throw fault;
    }
  }

  /** Like `make`, but a fault is followed by another attempt. */
  attempt(restart: boolean): void {
    this.make(restart).catch(() => this.#later());
  }

  /** The offer that was made has not left, and is of no use any more: another one, from scratch, in its place. */
  replace(): void {
    if (this.#state === 'making') this.#stale = true;
    if (this.#state !== 'out') return;
    this.#state = 'idle';
    this.attempt(true);
  }

  /** The server's answer was taken. */
  answered(): void {
    if (this.#state !== 'out') return;
    this.#state = 'idle';
    this.#failures = 0;
    this.#refusals = 0;
    const again = this.#again;
    this.#again = 'no';
    if (again !== 'no') this.attempt(again === 'restart');
  }

  /** The server refused the offer. `true`: not for the first time, and people should hear of it now. */
  refused(): boolean {
    if (this.#state !== 'out') return false;
    this.#state = 'idle';
    this.#refusals += 1;
    this.#later();
    return this.#refusals === REFUSALS_BEFORE_NEWS;
  }

  close(): void {
    this.#closed = true;
    this.#takeRetry();
  }

  /** The offer that failed, and whatever was asked for meanwhile, once more; each time later, and not for ever. */
  #later(): void {
    const restart = this.#restart || this.#again === 'restart';
    this.#again = 'no';
    this.#failures += 1;
    // Not the end: the next silence of the path, or change of network, makes an offer again.
    if (this.#closed || this.#failures > MOST_RETRIES) return;
    const timer = setTimeout(() => this.attempt(false), FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    this.#retry = { restart, timer };
  }

  /** An offer made meanwhile takes the waiting one's place. `true`: that one was to restart the path. */
  #takeRetry(): boolean {
    const retry = this.#retry;
    this.#retry = null;
    if (retry !== null) clearTimeout(retry.timer);
    return retry?.restart ?? false;
  }
}
