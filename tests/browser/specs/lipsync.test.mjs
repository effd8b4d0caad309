// Picture and sound of one member stay together across the forwarding plane: flash and beep, also in slots that have been
// given from member to member ten times.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { pageText } from '../lib/intercept.mjs';
import { keepPeers } from '../lib/peer.mjs';
import { until } from '../lib/until.mjs';

/**
 * How far the server may move sound and picture against each other. Read against a direct connection of the same browser in the same seconds, without any server:
 * browsers bring them together to some 30 ms by their own reckoning, which leaves out what an encoder, a sound card and a screen take, so that sound stands up to 85 ms
 * after the picture there as well; and the ear of this test stumbles on a busy machine by tens of milliseconds, in both alike.
 */
const SKEW_MS = 80;
/** And what people hear and see in the end. ITU-R BT.1359: acceptable from 90 ms of early sound to 185 ms of late. */
const ACCEPTABLE_MS = [-90, 185];
/** By its own reckoning a browser leaves 30 ms as they are. While it takes them to be further apart than this it is still moving them: where they stand is not seen yet. */
const SETTLED_MS = 60;
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

/** How far apart the browser itself takes them to be: it knows only when it has a common clock for both, which it has only from our reports. */
const believed = () =>
  ada.page.evaluate(async () => {
    const played = { audio: 0, video: 0 };
    (await globalThis.__peers.at(-1).getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp') played[entry.kind] = Math.max(played[entry.kind], entry.estimatedPlayoutTimestamp ?? 0);
    });
    return played.audio > 0 && played.video > 0 ? Math.round(played.video - played.audio) : null;
  });

/** Picture and sound of this one have really been in the slots. */
function arrives(name) {
  return until(`picture and sound of ${name} arrive`, 20_000, async () => {
    const { flashes, beeps } = await ada.page.evaluate((member) => globalThis.__flashes(member, 1_200), name);
    return flashes.length > 0 && beeps.length > 0;
  });
}

/** How far apart sound and picture of this member are, and how far without a server; whether it counts; and what was read, for a failure's text. */
async function reading(name) {
  const both = await ada.page.evaluate((member, ms) => Promise.all([globalThis.__flashes(member, ms), globalThis.__flashes(null, ms)]), name, READING_MS);
  const [seen, control] = both.map(skews);
  const [skew, direct, belief] = [median(seen), median(control), await believed()];
  const counts = belief !== null && Math.abs(belief) <= SETTLED_MS && Math.min(seen.length, control.length) >= FLASHES - 1;
  return { skew, direct, counts, text: `${skew} by ${seen.length} (direct ${direct} by ${control.length}; believed ${belief})` };
}

/** Reads until sound and picture are `expected` ms apart (0: as without a server), within the promise. */
async function settles(t, name, expected) {
  const medians = [];
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const { skew, direct, counts, text } = await reading(name);
    medians.push(text);
    const acceptable = skew - expected >= ACCEPTABLE_MS[0] && skew - expected <= ACCEPTABLE_MS[1];
    if (counts && acceptable && Math.abs(skew - direct - expected) <= SKEW_MS) break;
    assert.ok(performance.now() < deadline, `${name}: medians of sound after picture in ms: ${medians.join(', ')}`);
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

test(`sound and picture come to stand where they do without a server, within ${SKEW_MS} ms`, (t) => visit('Bo', 0, () => settles(t, 'Bo', 0)));

test(`and they do in slots that were switched ${SWITCHES} times`, async (t) => {
  for (let n = 1; n < SWITCHES; n += 1) await visit(`Guest ${n}`, 0, () => arrives(`Guest ${n}`));
  await visit('Cy', 0, () => settles(t, 'Cy', 0));
});

test(`a camera that is ${LATE_MS} ms late is noticed: the readings can tell`, (t) => visit('Dee', LATE_MS, () => settles(t, 'Dee', -LATE_MS)));
