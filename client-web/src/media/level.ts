// The level meter of the device check. Sound is measured here and goes nowhere.

/** Fifteen pictures a second: smooth enough to see that one is heard. */
const INTERVAL_MS = 66;
/** Decibels that fill the bar: from a quiet room to a loud voice. */
const QUIET_DB = -60;
const LOUD_DB = -12;

/** Calls back with 0…1 until stopped. */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  // Without a gesture browsers keep the context suspended; it then shows silence until the first click or key.
  const wake = (): void => void context.resume().catch(() => undefined);
  wake();
  addEventListener('pointerdown', wake);
  addEventListener('keydown', wake);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const db = 10 * Math.log10(power + 1e-10);
    onLevel(Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB))));
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    removeEventListener('pointerdown', wake);
    removeEventListener('keydown', wake);
    source.disconnect();
    void context.close().catch(() => undefined);
  };
}
