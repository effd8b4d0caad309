// A long operation of the group must not be heard: the core workers are held for 400 ms, again and again, while one
// member listens to the other's tone and its counter. Measured against the same call without the holds, just before and
// just after, so that a machine that makes gaps by itself is not taken for the client.
// At the end the media worker is held, which must be heard: that is what the measurement can notice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { blockCode } from '../lib/code.mjs';
import { Scene } from '../lib/call.mjs';

const LISTEN_MS = 8_000;
const HOLD_MS = 400;
const HOLDS = 6;
/**
 * Gaps that a busy machine may make in one listening and not in the two others, by chance. If a hold were heard, there would be
 * one for each.
 */
const CHANCE = 2;
/** Steps of the tone that such a gap swallows. */
const SWALLOWED = 4;
/** A new step of the tone comes every 100 ms; nothing new for this long is a gap (the jitter buffer stretches a little). */
const GAP_S = 2.5 / blockCode.PER_SECOND;

let scene;
let ada;
let bo;
before(async () => {
  scene = await Scene.start();
  [ada, bo] = await scene.join(['Ada', 1], ['Bo', 2]);
  await bo.untilHears([ada]);
});
after(() => scene?.end());

/** What was heard: how many steps, how many are missing between them, and the gaps in seconds. */
function judge(runs) {
  const steps = runs.filter((run) => run.step >= 0);
  let missing = 0;
  const gaps = [];
  for (let at = 1; at < steps.length; at += 1) {
    missing += Math.max(0, ((steps[at].step - steps[at - 1].step + blockCode.STEPS) % blockCode.STEPS) - 1);
    const wait = steps[at].from - steps[at - 1].from;
    if (wait > GAP_S) gaps.push(Number(wait.toFixed(2)));
  }
  return { steps: steps.length, missing, gaps };
}

const listen = async () => judge(await bo.page.evaluate((name, id, ms) => globalThis.__probe.follow(name, id, ms), ada.name, ada.id, LISTEN_MS));

/** Keeps a worker busy, as a long operation in it would. Returns for how long it really was. */
const hold = (worker, ms) =>
  worker.evaluate((limit) => {
    const from = performance.now();
    while (performance.now() - from < limit);
    return performance.now() - from;
  }, ms);

/** Holds the workers in turn. One at a time: on two cores, two at once would starve the sound by themselves. */
async function holds(...workers) {
  const held = [];
  for (let round = 0; round < HOLDS; round += 1) {
    held.push(await hold(workers[round % workers.length], HOLD_MS));
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS / HOLDS - 2 * HOLD_MS));
  }
  return held;
}

test('a group operation of 400 ms makes no gap in sound that a run without it does not have', async (t) => {
  const before = await listen();
  const workers = await Promise.all([ada.worker('core.worker'), bo.worker('core.worker')]);
  const [busy, held] = await Promise.all([listen(), holds(...workers)]);
  const after = await listen();
  const quiet = { steps: Math.min(before.steps, after.steps), missing: before.missing + after.missing, gaps: [...before.gaps, ...after.gaps] };
  t.diagnostic(`without: ${JSON.stringify(quiet)}; with: ${JSON.stringify(busy)}; held for ${held.map(Math.round).join(', ')} ms`);
  assert.ok(held.every((ms) => ms >= HOLD_MS), 'the core worker was not held');
  for (const heard of [quiet, busy]) assert.ok(heard.steps > 60, `only ${heard.steps} steps of the tone heard`);
  assert.ok(busy.missing <= quiet.missing + CHANCE * SWALLOWED, `${busy.missing} steps missing, ${quiet.missing} without the holds`);
  assert.ok(busy.gaps.length <= quiet.gaps.length + CHANCE, `gaps ${busy.gaps}, without the holds ${quiet.gaps}`);
});

test('the measurement would notice: a media worker that stands still is heard', async (t) => {
  // Longer than the 400 ms above, because by now the jitter buffer may have grown on a busy machine.
  const worker = await ada.worker('media.worker');
  const [heard] = await Promise.all([listen(), hold(worker, 4 * HOLD_MS)]);
  t.diagnostic(JSON.stringify(heard));
  assert.ok(heard.gaps.length > 0, 'a media worker held for 1.6 s was not noticed');
});
