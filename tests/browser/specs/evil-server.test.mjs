// What people see while the server keeps things from them: real browsers and the real server, with a relay between that plays its evil
// part. A member's client believes no server; what it can know, it says, and whoever ordered a removal that is kept back falls silent.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startChromium } from '../lib/chromium.mjs';
import { startFirefox } from '../lib/firefox.mjs';
import { evilCall as behindRelay } from '../lib/evil-call.mjs';
import { about, setRule, untilTold } from '../lib/hosted.mjs';
import { inTime } from '../lib/promise.mjs';
import { until } from '../lib/until.mjs';

/** The protocol page, "Alarms". Two seconds more where it is seen in a beacon. */
const OWN_STUCK_MS = 1_000;
const STUCK_MS = 5_000;
const APART_MS = 5_000 + 5_000 + 2_000;
const SILENT_MS = 20_000 + 2_000;
/** A commit that is announced and does not come, then the way back into one's place. */
const BACK_MS = 10_000 + 3_500;
/** Without rights for twelve seconds, then the same way. */
const REUNITED_MS = 12_000 + 3_500;
/** A commit without an echo for eight seconds is submitted again on a new connection. */
const AGAIN_MS = 8_000;
/** What a machine with two cores may add while three such calls run on it at once. */
const BUSY_MS = 4_000;
/** A picture that stands still for so long has stopped. Other members' connections are renewed meanwhile, and pictures with them, in less. */
const STILL_MS = 2_500;

const ALARMS = ['digestsDiffer', 'withheld', 'removalStuck', 'silent'];
/** Nobody looks at pictures in these calls. */
const QUIET = { camera: false, microphone: false };

let browsers;
before(async () => {
  browsers = { chromium: await startChromium(), firefox: await startFirefox() };
});
after(async () => {
  for (const browser of Object.values(browsers ?? {})) await browser.close();
});

const evilCall = (people, room, work) => behindRelay(browsers, people, room, work);

const shown = async (member) => (await Promise.all(ALARMS.map(async (kind) => [kind, await member.text(`alarm-${kind}`)]))).filter(([, text]) => text !== '');

/** Waits for a line on a screen, and holds its time against what is promised. */
async function told(t, member, kind, words, since, promisedMs) {
  const all = Array.isArray(words) ? words : [words];
  await until(`${member.name} is told: ${kind} ${all}`, promisedMs + BUSY_MS, async () => {
    const text = await member.text(`alarm-${kind}`);
    return all.every((word) => word.test(text));
  }, async () => `${JSON.stringify(await shown(member))} ${await member.describe()}`);
  inTime(t, `${member.name} is told: ${kind} ${all}`, performance.now() - since, promisedMs, BUSY_MS);
}

async function untilQuiet(members, ms) {
  const noisy = async () => (await Promise.all(members.map(async (member) => [member.name, await shown(member)]))).filter(([, lines]) => lines.length > 0);
  await until('no alarm is shown any more', ms, async () => (await noisy()).length === 0, async () => JSON.stringify(await noisy()));
}

/** Everybody has one number: one group. A change may just be on its way to one of them. */
const untilOne = (members) => until('all have one safety number', 15_000, async () => new Set(await numbers(members)).size === 1, async () => (await numbers(members)).join(' / '));

const numbers = (members) => Promise.all(members.map((member) => member.safetyNumber()));

/** Waits until what arrives of somebody's camera stands still. Returns when the last picture was taken, by the clock that is in it. */
async function lastPicture(member, name, ms) {
  let [taken, counter, since] = [null, null, performance.now()];
  await until(`${member.name} gets no more pictures of ${name}`, ms, async () => {
    const now = Date.now();
    const word = (await member.tiles()).find((tile) => tile.name === name && tile.kind === 'camera')?.word;
    if (word && word.counter !== counter) [taken, counter, since] = [now - word.behind * 100, word.counter, performance.now()];
    return taken !== null && performance.now() - since >= STILL_MS;
  }, () => member.describe());
  return { taken, counter };
}

const counterOf = async (member, name) => (await member.tiles()).find((tile) => tile.name === name && tile.kind === 'camera')?.word?.counter ?? null;

describe('kept from some', { concurrency: true }, () => {
  test('words kept between two: both are told who is kept from them, the third is not', async (t) => {
    await evilCall([['Hope', 1, QUIET], ['Ada', 2, { ...QUIET, in: 'firefox' }], ['Bo', 3, QUIET]], {}, async ({ evil, members: [hope, ada, bo] }) => {
      await hope.say('good evening');
      await ada.untilReads('Hope', 'good evening');
      const pair = ['Ada', 'Bo'];
      evil.withholds = ({ down, kind, who, from }) => down && kind === 'message' && who !== from && pair.includes(who) && pair.includes(from);
      const since = performance.now();
      await bo.say('do you hear me?');
      await hope.untilReads('Bo', 'do you hear me?');
      await Promise.all([told(t, ada, 'withheld', /Bo/, since, SILENT_MS), told(t, bo, 'withheld', /Ada/, since, SILENT_MS)]);
      assert.match(await ada.text('alarm-withheld'), /Others hear/);
      assert.deepEqual(await shown(hope), []);
      assert.deepEqual((await shown(ada)).map(([kind]) => kind), ['withheld']);
      assert.deepEqual(await ada.chat(), [['Hope', 'good evening']]);
      evil.withholds = null;
      await untilQuiet([hope, ada, bo], 10_000);
      await untilOne([hope, ada, bo]);
    });
  });

  test('a removal kept from one: told of it, and back beside the others; kept in the past for good: seen there by all', async (t) => {
    await evilCall([['Hope', 1, QUIET], ['Ada', 2, QUIET], ['Bo', 3, QUIET], ['Mallory', 4, QUIET]], {}, async ({ evil, members: [hope, ada, bo, mallory] }) => {
      evil.withholds = ({ down, who, kind }) => down && who === 'Ada' && kind === 'commit';
      let since = performance.now();
      await about(hope, 'Mallory', 'remove');
      await mallory.untilState('ended', 5_000);
      await Promise.all([hope.untilOthers(['Ada', 'Bo'], 5_000), bo.untilOthers(['Ada', 'Hope'], 5_000)]);
      await told(t, ada, 'removalStuck', /Mallory.*neither should you/, since, STUCK_MS);
      await evil.untilWithheld('the commit', 1_000, ({ kind, from }) => kind === 'commit' && from === 'Hope');
      for (const member of [hope, bo]) assert.deepEqual(await shown(member), [], member.name);
      // Without the commit, but not without a welcome: she asks for her place, and the others bring her to where they are.
      await ada.untilOthers(['Bo', 'Hope'], BACK_MS + BUSY_MS);
      inTime(t, 'Ada is where the others are', performance.now() - since, BACK_MS, BUSY_MS);
      await untilQuiet([hope, ada, bo], 5_000);
      await untilOne([hope, ada, bo]);

      // Now without anything that could bring her on: what is ordered, what the others say, that the server gave her up.
      evil.withholds = ({ down, who, type, kind, from }) => down && who === 'Ada' && (type === 'notice' || type === 'rights' || (kind !== null && from !== 'Ada'));
      since = performance.now();
      await setRule(hope, 'rule-locked', true);
      await Promise.all([
        told(t, hope, 'digestsDiffer', /Ada/, since, APART_MS),
        told(t, bo, 'digestsDiffer', /Ada/, since, APART_MS),
        told(t, ada, 'silent', [/Hope/, /Bo/], since, SILENT_MS),
      ]);
      const [here, same, past] = await numbers([hope, bo, ada]);
      assert.equal(same, here);
      assert.notEqual(past, here);
      // The next change shows her what is missing.
      evil.withholds = null;
      await setRule(hope, 'rule-locked', false);
      await untilQuiet([hope, ada, bo], REUNITED_MS + BUSY_MS);
      await untilOne([hope, ada, bo]);
    });
  });

  test('a call split between two servers, words passed on: each side is told of the other, the numbers differ; led together again they are one', async (t) => {
    await evilCall([['Hope', 1, QUIET], ['Ada', 2, QUIET], ['Bo', 3, QUIET]], {}, async ({ evil, scene, members: [hope, ada, bo] }) => {
      await untilOne([hope, ada, bo]);
      evil.wordsCross = true;
      await evil.split(['Bo', 'Cy']);
      await setRule(hope, 'guests-screen', false);
      // Two changes on the other side: a newcomer comes and goes. It is ahead then, so that its words look like those of an epoch to come.
      const [cy] = await scene.join(['Cy', 4, { ...QUIET, before: evil.knows('Cy') }]);
      await bo.untilOthers(['Ada', 'Cy', 'Hope'], 10_000);
      // Until now some words could be read on the other side, and counted as signs of life.
      const since = performance.now();
      await cy.click('leave');
      await bo.untilOthers(['Ada', 'Hope'], 10_000);
      await Promise.all([
        told(t, hope, 'digestsDiffer', /Bo/, since, SILENT_MS),
        told(t, ada, 'digestsDiffer', /Bo/, since, SILENT_MS),
        told(t, bo, 'digestsDiffer', [/Hope/, /Ada/], since, SILENT_MS),
      ]);
      const [here, same, there] = await numbers([hope, ada, bo]);
      assert.equal(same, here);
      assert.notEqual(there, here);
      evil.wordsCross = false;
      evil.unite();
      await untilQuiet([hope, ada, bo], REUNITED_MS + BUSY_MS);
      await Promise.all([hope.untilOthers(['Ada', 'Bo'], 10_000), bo.untilOthers(['Ada', 'Hope'], 10_000)]);
      await untilOne([hope, ada, bo]);
    });
  });
});

function swallowed(title, strict) {
  test(title, async (t) => {
    await evilCall([['Hope', 1], ['Ada', 2, { in: 'firefox' }], ['Mallory', 3]], { strict }, async ({ evil, members: [hope, ada, mallory] }) => {
      await Promise.all([ada.untilSees([hope]), hope.untilSees([ada]), mallory.untilSees([ada, hope])]);
      await hope.say('good evening');
      for (const member of [ada, mallory]) await member.untilReads('Hope', 'good evening');
      await hope.show('people', 'person');
      evil.withholds = ({ down, kind }) => !down && kind === 'commit';
      const [since, at] = [performance.now(), Date.now()];
      await about(hope, 'Mallory', 'remove');
      const others = strict ? /Mallory.*Nothing of you is sent/ : /Mallory.*neither should you/;
      const [last] = await Promise.all([
        lastPicture(ada, 'Hope', OWN_STUCK_MS + STILL_MS + BUSY_MS),
        told(t, hope, 'removalStuck', /Mallory.*Nothing of you is sent/, since, OWN_STUCK_MS),
        told(t, ada, 'removalStuck', others, since, STUCK_MS),
        told(t, mallory, 'removalStuck', /You were told to go/, since, STUCK_MS),
      ]);
      inTime(t, 'the last picture that Ada gets of Hope', last.taken - at, OWN_STUCK_MS);
      await evil.untilWithheld('the commit', 1_000, ({ kind, who }) => kind === 'commit' && who === 'Hope');
      await hope.say('between us');
      await untilTold(hope, /still in the group and would read it/);
      if (strict) {
        const own = await lastPicture(mallory, 'Ada', STUCK_MS + STILL_MS + BUSY_MS);
        inTime(t, 'the last picture that Mallory gets of Ada', own.taken - at, STUCK_MS);
      } else {
        await Promise.all([hope.untilSees([ada]), mallory.untilSees([ada])]);
        // Hope's commit was said again meanwhile, on another connection: that one carries nothing of hers either.
        await evil.untilWithheld('the commit again', AGAIN_MS + BUSY_MS, ({ at: when, kind, who }) => kind === 'commit' && who === 'Hope' && when - since > AGAIN_MS / 2);
        const seen = await counterOf(ada, 'Hope');
        assert.ok(seen === null || seen === last.counter, 'a picture of Hope came after it had stopped');
      }
      assert.deepEqual(await mallory.chat(), [['Hope', 'good evening']]);
      evil.withholds = null;
      await mallory.untilState('ended', AGAIN_MS + BUSY_MS);
      await untilQuiet([hope, ada], 5_000);
      await Promise.all([ada.untilSees([hope]), hope.untilSees([ada])]);
      assert.deepEqual(await ada.chat(), [['Hope', 'good evening']]);
    });
  });
}

swallowed('a removal that the server swallows: whoever ordered it is silent within a second, the others are told and go on', false);
swallowed('a removal that the server swallows in a strict room: everybody is silent after five seconds', true);
