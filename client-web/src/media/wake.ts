// Keeps the screen on during a call, where the browser can: a phone that goes dark stops its camera.
//
// The system takes the lock away whenever the page is hidden, so it is asked for again when the page is back. A refusal
// (battery saving) changes nothing else. Rule of use: one per call, `stop` when it ends.

export class ScreenWake {
  #lock: WakeLockSentinel | null = null;
  #asking = false;
  #stopped = false;
  readonly #again = (): void => void this.#ask();

  constructor() {
    document.addEventListener('visibilitychange', this.#again);
    void this.#ask();
  }

  stop(): void {
    this.#stopped = true;
    document.removeEventListener('visibilitychange', this.#again);
    this.#release();
  }

  async #ask(): Promise<void> {
    // Missing in older browsers and in insecure pages, whatever the types say.
    const wakeLock = navigator.wakeLock as WakeLock | undefined;
    if (wakeLock === undefined || document.visibilityState !== 'visible' || this.#asking || this.#lock?.released === false) return;
    this.#asking = true;
    try {
      this.#lock = await wakeLock.request('screen');
    } catch {
      this.#lock = null;
    }
    this.#asking = false;
    // The call may have ended meanwhile.
    if (this.#stopped) this.#release();
  }

  #release(): void {
    void this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }
}
