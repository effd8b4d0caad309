// A long operation of the group must not be heard: the core worker is held for 400 ms, again and again, while another
// member listens to the tone and its counter. Measured against the same call without the holds, just before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { blockCode } from '../lib/code.mjs';
import { Scene } from '../lib/call.mjs';

const LISTEN_MS = 8_000;
const HOLD_MS = 400;
/** A step of the tone is 100 ms. Judged gaps are those in which a whole further step is missing. */
const STEP_S = 1 / blockCode.PER_SECOND;

let scene;
let ada;
let bo;
before(async () => {
  scene = await Scene.start();
  [ada, bo] = await scene.join(['Ada', 1], ['Bo', 2]);
  await bo.untilHears([ada]);
});
after(() => scene?.end());

/** What was heard: the steps in their order, how many are missing, and the longest time without a new one. */
function judge(runs) {
  const steps = runs.filter((run) => run.step >= 0);
  let missing = 0;
  let longest = 0;
  for (let at = 1; at < steps.length; at += 1) {
    const ahead = (steps[at].step - steps[at - 1].step + blockCode.STEPS) % blockCode.STEPS;
    missing += Math.max(0, ahead - 1);
    longest = Math.max(longest, steps[at].from - steps[at - 1].from);
  }
  return { steps: steps.length, missing, longest };
}

const listen = (member, from) => member.page.evaluate((name, id, ms) => globalThis.__probe.follow(name, id, ms), from.name, from.id, LISTEN_MS);

/** Holds both core workers, as long operations of the group would, five times within the listening time. */
async function hold() {
  const workers = await Promise.all([ada, bo].map((member) => member.worker('core.worker')));
  const held = [];
  for (let round = 0; round < 5; round += 1) {
    held.push(
      ...(await Promise.all(
        workers.map((worker) =>
          worker.evaluate((ms) => {
            const from = performance.now();
            while (performance.now() - from < ms);
            return performance.now() - from;
          }, HOLD_MS),
        ),
      )),
    );
    await new Promise((resolve) => setTimeout(resolve, 800));
  }
  return held;
}

test('a group operation of 400 ms makes no gap in sound that a run without it does not have', async (t) => {
  const quiet = judge(await listen(bo, ada));
  const [runs, held] = await Promise.all([listen(bo, ada), hold()]);
  const busy = judge(runs);
  t.diagnostic(`without: ${JSON.stringify(quiet)}; with: ${JSON.stringify(busy)}; held for ${held.map(Math.round).join(', ')} ms`);
  assert.ok(held.every((ms) => ms >= HOLD_MS), 'the core worker was not held');
  for (const heard of [quiet, busy]) assert.ok(heard.steps > 60, `only ${heard.steps} steps of the tone heard`);
  assert.ok(busy.missing <= quiet.missing, `${busy.missing} steps missing, ${quiet.missing} without`);
  assert.ok(busy.longest <= Math.max(quiet.longest, 1.5 * STEP_S) + STEP_S / 2, `${busy.longest} s without a new step, ${quiet.longest} s without the holds`);
});

test('the measurement would notice: holding the media worker is heard', async (t) => {
  const worker = await ada.worker('media.worker');
  const [runs] = await Promise.all([
    listen(bo, ada),
    worker.evaluate((ms) => {
      const from = performance.now();
      while (performance.now() - from < ms);
    }, 4 * HOLD_MS),
  ]);
  const heard = judge(runs);
  t.diagnostic(JSON.stringify(heard));
  assert.ok(heard.missing > 0 || heard.longest > 3 * STEP_S, 'a media worker held for 1.6 s was not noticed');
});
