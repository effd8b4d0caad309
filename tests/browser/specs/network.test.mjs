// The network changes under a call: a new address, a path that dies, a socket that is gone for half a minute. Media comes
// back without a new join, in Chromium and in Firefox; and what was written into a dead socket is not lost unseen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BadNetwork } from '../lib/bad-network.mjs';
import { MixedScene } from '../lib/mixed.mjs';
import { keepPeers, peer } from '../lib/peer.mjs';
import { inTime } from '../lib/promise.mjs';
import { until } from '../lib/until.mjs';

/** From the change to the first new picture of the other on both screens: the promise. 1.2 to 2 s on an idle machine. */
const BACK_MS = 3_000;
/** How long the socket is away: half of what the server keeps an empty call, a third of what members forgive. */
const AWAY_MS = 30_000;
/** Reading tones takes long on a busy machine; how soon media is back is measured in pictures. */
const HEARS = { ms: 60_000 };

/** Nothing else that goes to the server in a call at rest is so long; a line of nearly 4,000 bytes is longer. */
const LONG = 4_000;
const longLine = (word) => `${word} ${'x'.repeat(3_800)}`;
/** A line without a pong for 8 s ends its connection; then it is said again a second after the return. */
const SAID_AGAIN_MS = 20_000;

let network;
let scene;
let [ada, fay, bo] = [];

before(async () => {
  network = await BadNetwork.start();
  scene = await MixedScene.start({ server: network.server });
  [ada, fay] = await scene.join(['Ada', 1, { in: 'chromium', before: keepPeers() }], ['Fay', 2, { in: 'firefox', before: keepPeers() }]);
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada])]);
  await Promise.all([ada.untilHears([fay], HEARS), fay.untilHears([ada], HEARS)]);
});
after(async () => {
  await scene?.end();
  await network?.stop();
});

/**
 * Watches what `member` shows of `other`, in the page and so without the delay of a busy driver: resolves once a picture
 * painted after `since` (wall clock) has been shown, with how long after `since` that was.
 */
function newPicture(member, other, since, ms) {
  return member.page.evaluate(
    async ({ name, id, since, ms, perSecond }) => {
      while (Date.now() - since < ms) {
        const tile = globalThis.__probe.tiles().find((t) => t.name === name && t.kind === 'camera');
        if (tile?.word?.id === id) {
          // `behind` counts frames of the source's clock: this is when the picture was painted, to a tenth of a second.
          const painted = Date.now() - tile.word.behind * (1000 / perSecond);
          if (painted > since + 1000 / perSecond) return Date.now() - since;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return null;
    },
    { name: other.name, id: other.id, since, ms, perSecond: 10 },
  );
}

/**
 * How old pictures are when they are shown: buffers, and waiting for the sound. A busy machine that has run for minutes comes
 * to a second, which has nothing to do with the network. In ms, the middle of eleven looks.
 */
function usualAge(member, other) {
  return member.page.evaluate(
    async ({ name, id, perSecond }) => {
      const ages = [];
      while (ages.length < 11) {
        const tile = globalThis.__probe.tiles().find((t) => t.name === name && t.kind === 'camera');
        if (tile?.word?.id === id) ages.push(tile.word.behind * (1000 / perSecond));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return ages.sort((a, b) => a - b)[5];
    },
    { name: other.name, id: other.id, perSecond: 10 },
  );
}

/** Both see new pictures of each other within the promise, over the connection they have. */
async function backInTime(t, what, change) {
  const before = await Promise.all([peer(ada), peer(fay)]);
  const usual = await Promise.all([usualAge(ada, fay), usualAge(fay, ada)]);
  const since = Date.now();
  await change();
  const took = await Promise.all([newPicture(ada, fay, since, 20_000), newPicture(fay, ada, since, 20_000)]);
  t.diagnostic(`${what}: pictures seen after ${took.join(' and ')} ms; they are ${usual.join(' and ')} ms old at other times`);
  const after = await Promise.all([peer(ada), peer(fay)]);
  assert.deepEqual(after.map((p) => p.made), before.map((p) => p.made), 'a new connection was made');
  // Less than browsers left to themselves need: they call a path dead after five seconds, and failed after fifteen.
  ['Chromium', 'Firefox'].forEach((browser, n) => inTime(t, `${what}, ${browser}`, took[n] === null ? null : took[n] - usual[n], BACK_MS));
  await Promise.all([ada.untilHears([fay], HEARS), fay.untilHears([ada], HEARS)]);
}

test('the browsers get new addresses behind their backs: media is back in time', async (t) => {
  await backInTime(t, 'new addresses', () => network.tell('rebind'));
});

test('every path that was in use dies: media is back in time by new ones', async (t) => {
  await backInTime(t, 'dead paths', () => network.tell('kill'));
});

test('and once more, with 20 ms each way', async (t) => {
  await network.tell('delay 20');
  await backInTime(t, 'dead paths, 40 ms round trip', () => network.tell('kill'));
  await network.tell('delay 0');
});

test(`the sockets are gone for ${AWAY_MS / 1000} s: the same members go on in the same call`, async (t) => {
  const number = await ada.safetyNumber();
  network.relay.cut();
  const since = Date.now();
  await until('half a minute has passed', AWAY_MS + 5_000, () => Date.now() - since >= AWAY_MS);
  network.relay.mend();
  const back = Date.now();
  const took = await Promise.all([newPicture(ada, fay, back, 40_000), newPicture(fay, ada, back, 40_000)]);
  t.diagnostic(`after the sockets came back: Chromium sees again after ${took[0]} ms, Firefox after ${took[1]} ms`);
  for (const ms of took) assert.notEqual(ms, null, 'no picture came back');
  await Promise.all([ada.untilHears([fay], HEARS), fay.untilHears([ada], HEARS)]);
  await Promise.all([ada.untilOthers(['Fay']), fay.untilOthers(['Ada'])]);
  // No new join: nobody was added or removed, so it is the same epoch or one that only renewed keys, never a third member.
  assert.deepEqual(await ada.people(), ['Ada', 'Fay']);
  assert.equal(await ada.safetyNumber(), await fay.safetyNumber());
  t.diagnostic(`the safety number ${(await ada.safetyNumber()) === number ? 'is the same' : 'has changed'}`);
});

test('what was decided while one was away is made up for: somebody joined, and all see all', async () => {
  // All sockets break, and come back by themselves; meanwhile somebody new is let in.
  network.relay.drop();
  bo = await scene.open('Bo', 3, { in: 'chromium', before: keepPeers() });
  await bo.join();
  await Promise.all([ada.untilSees([fay, bo]), fay.untilSees([ada, bo]), bo.untilSees([ada, fay])]);
  await Promise.all([ada.untilHears([fay, bo], HEARS), fay.untilHears([ada, bo], HEARS), bo.untilHears([ada, fay], HEARS)]);
});

/** Ada writes a line with which her connection dies, unnoticed. */
async function writeIntoTheDark(word) {
  const line = longLine(word);
  network.relay.dieWith(LONG);
  await ada.say(line);
  await until('the connection died with the line', 5_000, () => network.relay.hasDied);
  await ada.untilReads('Ada', line);
  return line;
}

const marked = () =>
  ada.page.evaluate(() => [...document.querySelectorAll('[data-test=chat-unsure]')].map((mark) => mark.closest('[data-test=chat-line]').querySelector('[data-test=chat-text]').textContent));

test('a line with which the connection died is said again, and read once', async () => {
  const line = await writeIntoTheDark('again');
  await Promise.all([fay.untilReads('Ada', line, SAID_AGAIN_MS), bo.untilReads('Ada', line, SAID_AGAIN_MS)]);
  await ada.say('and more');
  for (const member of [fay, bo]) {
    await member.untilReads('Ada', 'and more');
    assert.deepEqual((await member.chat()).filter(([from]) => from === 'Ada').map(([, text]) => text), [line, 'and more']);
  }
  assert.deepEqual(await marked(), []);
});

test('if somebody came since, it is marked instead, and can be written again', async () => {
  const cy = await scene.open('Cy', 4, { in: 'chromium', camera: false, microphone: false });
  await cy.fillName();
  const line = await writeIntoTheDark('marked');
  const { taken } = network.relay;
  await cy.click('join');
  await until('the newcomer has a connection', 7_000, () => network.relay.taken > taken);
  // Ada does not come back before the newcomer is in.
  network.relay.shut();
  await cy.untilState('call', 30_000);
  await fay.untilOthers(['Ada', 'Bo', 'Cy'], 20_000);
  assert.deepEqual(await marked(), [], 'marked while it could still be said again');
  network.relay.mend();
  await until('the line is marked', SAID_AGAIN_MS, async () => (await marked()).length > 0, () => ada.describe());
  assert.deepEqual(await marked(), [line]);
  const button = await ada.page.evaluate(() => document.querySelector('[data-test=chat-again]').ariaLabel);
  assert.equal(button, `Write it again: ${line.slice(0, 40)}…`);
  assert.ok(!(await fay.chat()).some(([, text]) => text === line), 'it was said again');
  await ada.untilState('call');
  await ada.click('chat-again');
  await until('it can be sent', 15_000, () => ada.page.evaluate(() => document.querySelector('[data-test=chat-input]').value !== '' && !document.querySelector('[data-test=chat-send]').disabled), () => ada.describe());
  await ada.click('chat-send');
  await Promise.all([cy, fay, bo].map((member) => member.untilReads('Ada', line)));
  assert.equal((await cy.chat()).length, 1, 'the newcomer reads what was said before');
});
