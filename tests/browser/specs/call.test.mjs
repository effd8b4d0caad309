// One call from its first member to its last, in real Chromium, against the real server: who is seen, heard and read
// under which name, and what happens when people come late, leave, or are killed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { Scene } from '../lib/call.mjs';
import { inTime } from '../lib/promise.mjs';
import { until } from '../lib/until.mjs';

/** How late a newcomer may see the last picture, from the click on Join: the promise of the first call. */
const LATE_MS = 2_000;
/** A member without a beacon for 90 s is removed; a few seconds more for noticing and for the commit. */
const SILENT_MS = 130_000;

let scene;
let [ada, bo, cy, dee] = [];
let bot;
const numbers = [];

before(async () => {
  scene = await Scene.start();
});
after(async () => {
  bot?.stop();
  await scene?.end();
});

/** All of them show one number; returns it, and it differs from every number before. */
async function sameNewNumber(...members) {
  let seen = [];
  await until(
    'all show the same safety number, and a new one',
    30_000,
    async () => {
      seen = await Promise.all(members.map((member) => member.safetyNumber()));
      return seen.every((number) => number === seen[0]) && !numbers.includes(seen[0]);
    },
    () => `Numbers: ${seen.join(' / ')}; before: ${numbers.join(' / ')}`,
  );
  numbers.push(seen[0]);
  return seen[0];
}

test('three people see and hear the two others, each under the right name', async () => {
  [ada, bo, cy] = await scene.join(['Ada', 1], ['Bo', 2], ['Cy', 3]);
  await Promise.all([ada.untilSees([bo, cy]), bo.untilSees([ada, cy]), cy.untilSees([ada, bo])]);
  await Promise.all([ada.untilHears([bo, cy]), bo.untilHears([ada, cy]), cy.untilHears([ada, bo])]);
  await Promise.all([ada.untilOthers(['Bo', 'Cy']), bo.untilOthers(['Ada', 'Cy']), cy.untilOthers(['Ada', 'Bo'])]);
});

test('what one writes, all read, under the right name', async () => {
  await ada.say('hello <b>all</b> \u{1F510}');
  await bo.say('heard');
  for (const member of [ada, bo, cy]) {
    await member.untilReads('Ada', 'hello <b>all</b> \u{1F510}');
    await member.untilReads('Bo', 'heard');
  }
});

test('all have the same safety number and the same list of people', async () => {
  await sameNewNumber(ada, bo, cy);
  for (const member of [ada, bo, cy]) assert.deepEqual(await member.people(), ['Ada', 'Bo', 'Cy']);
});

test('a muted microphone and a camera that is off are silent and dark for the others, and come back', async () => {
  await bo.click('mic');
  await until('Ada no longer hears Bo', 10_000, async () => (await ada.sounds()).every((s) => s.name !== 'Bo' || s.tone === null));
  await bo.click('cam');
  await until('Ada no longer sees Bo', 10_000, async () => (await ada.tiles()).every((t) => t.name !== 'Bo' || t.word === null || t.word.behind > 20));
  await bo.click('mic');
  await bo.click('cam');
  await ada.untilHears([bo]);
  await ada.untilSees([bo]);
});

test('a native member takes part: it opens our frames, reads and writes, and has our number', async () => {
  bot = Bot.start(scene.link, 'Nat');
  await bot.untilEvent('state', (e) => e.state === 'in_call');
  await ada.untilOthers(['Bo', 'Cy', 'Nat'], 20_000);
  await bot.untilEvent('roster', (e) => [...e.names].sort().join() === 'Ada,Bo,Cy,Nat');
  const number = await sameNewNumber(ada, bo, cy);
  await bot.untilEvent('safety_number', (e) => e.digits === number);
  for (const name of ['Ada', 'Bo', 'Cy']) {
    for (const kind of ['camera', 'microphone']) {
      const media = await bot.untilEvent('media', (e) => e.from === name && e.kind === kind && e.opened >= 10);
      assert.ok(media.opened > 10 * media.rejected, `${media.rejected} frames of ${name} could not be opened, ${media.opened} could`);
    }
  }
  // What it sends is a recording, sealed by the same core: it decodes here, under its name.
  await ada.untilSees([{ name: 'Nat', id: 8 }], { live: false });
  bot.tell('chat good day from outside a browser');
  await cy.untilReads('Nat', 'good day from outside a browser');
  await cy.say('and back');
  await bot.untilEvent('chat', (e) => e.from === 'Cy' && e.text === 'and back');
  assert.equal((await bot.leave()).code, 0);
  await ada.untilOthers(['Bo', 'Cy'], 20_000);
});

test(`a fourth who comes late sees all within ${LATE_MS} ms of the click on Join`, async (t) => {
  dee = await scene.open('Dee', 4);
  const clicked = await dee.join();
  const inside = performance.now() - clicked;
  const took = await dee.untilSees([ada, bo, cy], { since: clicked });
  t.diagnostic(`in the call after ${Math.round(inside)} ms`);
  inTime(t, 'last of three pictures', took, LATE_MS);
  await Promise.all([dee.untilHears([ada, bo, cy]), ada.untilSees([dee]), bo.untilHears([dee])]);
  await sameNewNumber(ada, bo, cy, dee);
});

test('a shared screen is seen as a screen, beside the camera of the same person', async () => {
  await bo.click('screen');
  await Promise.all([ada, cy].map((member) => member.untilSees([bo], { kind: 'screen' })));
  await ada.untilSees([bo]);
  await bo.click('screen');
  await until('the screen is gone', 15_000, async () => (await ada.tiles()).every((tile) => tile.kind !== 'screen'));
});

test('who leaves is gone at once for all, and the number changes', async () => {
  await dee.click('leave');
  await dee.untilState('ended');
  assert.deepEqual(await dee.page.evaluate(() => globalThis.__devices.live()), [], 'camera or microphone still open after leaving');
  for (const [member, rest] of [[ada, ['Bo', 'Cy']], [bo, ['Ada', 'Cy']], [cy, ['Ada', 'Bo']]]) await member.untilOthers(rest, 10_000);
  await sameNewNumber(ada, bo, cy);
  await dee.close();
});

let killed;
test('a tab is killed', async () => {
  await cy.kill();
  killed = performance.now();
});

// The minute and a half until the killed tab counts as gone is used for looking around in the two others.
test('nothing is kept in the browser: no storage, no cache, no cookie, no worker that stays', async () => {
  const kept = await ada.page.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    cookie: document.cookie,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    files: await navigator.storage.getDirectory().then(async (dir) => (await Array.fromAsync?.(dir.keys()))?.length ?? 0, () => 0),
  }));
  assert.deepEqual(kept, { local: 0, session: 0, databases: 0, caches: 0, cookie: '', workers: 0, files: 0 });
  const devtools = await ada.page.createCDPSession();
  assert.deepEqual((await devtools.send('Network.getCookies')).cookies, []);
});

test('the link is no longer in the address bar, and nothing was asked of any other host', async () => {
  assert.equal(new URL(ada.page.url()).hash, '');
  for (const member of [ada, bo]) {
    const elsewhere = member.requests.filter((url) => !url.startsWith(`${scene.server.origin}/`) && !url.startsWith('blob:'));
    assert.deepEqual(elsewhere, []);
    assert.ok(!member.requests.some((url) => url.includes('#g')), 'a link went into a request');
  }
});

test('the console is silent: no error, no refused policy', () => {
  for (const member of [ada, bo]) assert.deepEqual(member.complaints, []);
});

test('the others go on, and the killed one disappears for all, and the number changes', async (t) => {
  await ada.untilSees([bo]);
  await bo.untilHears([ada]);
  await ada.untilOthers(['Bo'], SILENT_MS - (performance.now() - killed));
  t.diagnostic(`gone after ${Math.round((performance.now() - killed) / 1000)} s`);
  await bo.untilOthers(['Ada'], 10_000);
  await sameNewNumber(ada, bo);
});

test('the last one leaves, and the server has said nothing about any of them', async () => {
  await bo.click('leave');
  await bo.untilState('ended');
  await ada.untilOthers([], 10_000);
  await ada.click('leave');
  await ada.untilState('ended');
  const log = scene.server.log.join('\n');
  for (const word of ['Ada', 'Nat', '127.0.0.1', scene.link.split('#g')[1].slice(0, 40)]) {
    // The address it listens on is configuration, and is printed once; nothing else may hold one.
    const lines = log.split('\n').filter((line) => line.includes(word) && !line.includes('listening'));
    assert.deepEqual(lines, []);
  }
});
