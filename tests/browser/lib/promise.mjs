// Times that people are promised, held against a stopwatch on a machine that has other things to do.
import assert from 'node:assert/strict';

/**
 * What two busy cores may add while they run the server, the driver and several browsers with their encoders and decoders:
 * measured up to 0.9 s beside three idle loops, more on machines that are half as fast. What it costs: something that becomes
 * slower by less than this is seen in the printed times and in `./x bench join` only.
 */
export const BUSY_MS = 1_500;

/** Prints what was measured, and fails beyond promise and margin. `took` null: it never came. */
export function inTime(t, what, took, promisedMs, busyMs = BUSY_MS) {
  const text = took === null ? 'it never came' : `${Math.round(took)} ms, promised are ${promisedMs} ms`;
  t.diagnostic(`${what}: ${text}`);
  assert.ok(took !== null && took <= promisedMs + busyMs, `${what}: ${text}, and ${busyMs} ms more for a busy machine`);
}
