// Picture and sound of one member stay together across the forwarding plane: flash and beep, also in slots that have been
// given from member to member ten times.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { pageText } from '../lib/intercept.mjs';
import { keepPeers } from '../lib/peer.mjs';
import { until } from '../lib/until.mjs';

/** ITU-R BT.1359: from 90 ms of early sound on, people begin to notice. */
const SKEW_MS = 80;
/**
 * The reading itself has a zero: an audio context hears a few milliseconds after a page sees, and more when it has stumbled on a busy machine. It is read in the same
 * seconds from what was never sent, and a reading whose zero is so far off that it could hide something counts for nothing.
 */
const ZERO_MS = 100;
/** One reading: so many flashes, of which most must have a beep. */
const READING_MS = 5_000;
const FLASHES = 4;
/**
 * Browsers move picture and sound together by some 10 ms a second, and start from where their buffers stand: up to 400 ms
 * of sound on a busy machine. What counts is where they come to stand.
 */
const SETTLE_MS = 75_000;
const SWITCHES = 10;
/** For the control: later than any skew that would pass, earlier than half the time between two flashes. */
const LATE_MS = 250;

let scene;
let ada;

const flashing = (lateMs = 0) => ({
  before: async (page) => {
    await keepPeers()(page);
    await page.evaluateOnNewDocument(`globalThis.__flashLateS = ${lateMs / 1000};`);
    await page.evaluateOnNewDocument(pageText('flash.js'));
  },
});

before(async () => {
  scene = await Scene.start();
  [ada] = await scene.join(['Ada', 1, flashing()]);
});
after(() => scene?.end());

/** Sound after picture is positive. One value per flash that has a beep near it. */
function skews({ flashes, beeps }) {
  return flashes.flatMap((flash) => {
    const beep = beeps.map((at) => at - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
    return beep !== undefined && Math.abs(beep) < 500 ? [Math.round(beep)] : [];
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Whether the browser has a common clock for the sound and the picture that come in: it has one only from our reports. */
const hasClocks = () =>
  ada.page.evaluate(async () => {
    const clocks = { audio: 0, video: 0 };
    (await globalThis.__peers.at(-1).getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp' && entry.estimatedPlayoutTimestamp > 0) clocks[entry.kind] += 1;
    });
    return clocks.audio > 0 && clocks.video > 0;
  });

/** Picture and sound of this one have really been in the slots. */
function arrives(name) {
  return until(`picture and sound of ${name} arrive`, 20_000, async () => {
    const { flashes, beeps } = await ada.page.evaluate((member) => globalThis.__flashes(member, 1_200), name);
    return flashes.length > 0 && beeps.length > 0;
  });
}

/** How far apart sound and picture of this member are, from the reading's own zero; whether it counts; and what was read, for a failure's text. */
async function reading(name) {
  const both = await ada.page.evaluate((member, ms) => Promise.all([globalThis.__flashes(member, ms), globalThis.__flashes(null, ms)]), name, READING_MS);
  const [seen, own] = both.map(skews);
  const zero = median(own);
  const skew = median(seen) - zero;
  const counts = Math.min(seen.length, own.length) >= FLASHES - 1 && Math.abs(zero) <= ZERO_MS;
  return { skew, counts, text: `${skew} (${seen.length} readings, zero ${zero} by ${own.length})` };
}

/** Reads until sound and picture are `expected` ms apart (0: together), within the promise. */
async function settles(t, name, expected) {
  const medians = [];
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const { skew, counts, text } = await reading(name);
    medians.push(text);
    if (counts && Math.abs(skew - expected) <= SKEW_MS && (await hasClocks())) break;
    assert.ok(performance.now() < deadline, `${name}: medians of sound after picture in ms: ${medians.join(', ')}; common clocks: ${await hasClocks()}`);
  }
  t.diagnostic(`${name}: medians of sound after picture, one each ${READING_MS / 1000} s, in ms: ${medians.join(', ')}`);
}

/** Somebody joins, takes the slots, and leaves again after `during`. */
async function visit(name, lateMs, during) {
  const member = await scene.open(name, 2, flashing(lateMs));
  try {
    await member.join();
    await ada.untilOthers([name], 20_000);
    await during();
    await member.click('leave');
    await member.untilState('ended');
  } finally {
    await member.close();
  }
  await ada.untilOthers([], 10_000);
}

test(`sound and picture come to stand at most ${SKEW_MS} ms apart`, (t) => visit('Bo', 0, () => settles(t, 'Bo', 0)));

test(`and they do in slots that were switched ${SWITCHES} times`, async (t) => {
  for (let n = 1; n < SWITCHES; n += 1) await visit(`Guest ${n}`, 0, () => arrives(`Guest ${n}`));
  await visit('Cy', 0, () => settles(t, 'Cy', 0));
});

test(`a camera that is ${LATE_MS} ms late is noticed: the readings can tell`, (t) => visit('Dee', LATE_MS, () => settles(t, 'Dee', -LATE_MS)));
