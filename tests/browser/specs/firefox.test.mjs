// Firefox beside Chromium in one call, in both directions, through the real server: pictures, sound, screen, late joins,
// and every codec that may be negotiated between every two of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { flowing, keepPeers } from '../lib/peer.mjs';
import { inTime } from '../lib/promise.mjs';
import { until } from '../lib/until.mjs';

/** How late a newcomer may see the last picture, from the click on Join: 0.8 to 2.1 s were measured with two browsers on two busy cores. */
const LATE_MS = 2_000;
/** Four members in two browsers encode and decode on the same two cores. */
const BUSY_MS = 3_000;
/** A change of codec is decided by one member's arrival or departure and needs at most one new offer of each sender. */
const CODEC_MS = 20_000;

let scene;
let [ada, fay, bo, finn] = [];

before(async () => {
  scene = await MixedScene.start();
});
after(async () => {
  await scene?.end();
});

const chromium = { in: 'chromium', before: keepPeers() };
const firefox = { in: 'firefox', before: keepPeers() };

/** Everyone sees and hears everyone else, under the right names. */
async function allMeet(...members) {
  const others = (member) => members.filter((other) => other !== member);
  await Promise.all(members.map((member) => member.untilSees(others(member))));
  await Promise.all(members.map((member) => member.untilHears(others(member))));
}

/** All pictures that move, sent or received by any of them, are in this codec, and each receives one from each other. */
async function allUse(codec, ...members) {
  let last = [];
  await until(
    `all pictures are ${codec}`,
    CODEC_MS,
    async () => {
      last = await Promise.all(members.map(flowing));
      return last.every(
        (flow) =>
          Object.keys(flow.in).length === members.length - 1 &&
          Object.keys(flow.out).length === 1 &&
          [...Object.values(flow.in), ...Object.values(flow.out)].every((used) => used === codec),
      );
    },
    () => JSON.stringify(last.map((flow, n) => [members[n].name, flow])),
  );
}

test('Chromium and Firefox see and hear each other, each under the right name', async () => {
  [ada, fay] = await scene.join(['Ada', 1, chromium], ['Fay', 2, firefox]);
  await allMeet(ada, fay);
  await Promise.all([ada.untilOthers(['Fay']), fay.untilOthers(['Ada'])]);
  assert.equal(await ada.safetyNumber(), await fay.safetyNumber());
});

test('what one writes, the other reads', async () => {
  await ada.say('hello');
  await fay.say('and back');
  for (const member of [ada, fay]) {
    await member.untilReads('Ada', 'hello');
    await member.untilReads('Fay', 'and back');
  }
});

test('each sees the screen of the other, beside the camera', async () => {
  for (const [sharing, watching] of [[ada, fay], [fay, ada]]) {
    await sharing.click('screen');
    await watching.untilSees([sharing], { kind: 'screen' });
    await watching.untilSees([sharing]);
    await sharing.click('screen');
    await until('the screen is gone', 15_000, async () => (await watching.tiles()).every((tile) => tile.kind !== 'screen'));
  }
});

test('a muted microphone and a camera that is off are silent and dark in Chromium, and come back', async () => {
  await fay.click('mic');
  await until('Ada no longer hears Fay', 10_000, async () => (await ada.sounds()).every((s) => s.name !== 'Fay' || s.tone === null));
  await fay.click('cam');
  await until('Ada no longer sees Fay', 10_000, async () => (await ada.tiles()).every((t) => t.name !== 'Fay' || t.word === null || t.word.behind > 20));
  await fay.click('mic');
  await fay.click('cam');
  await ada.untilHears([fay]);
  await ada.untilSees([fay]);
});

test('a Firefox and a Chromium that come late see all who are there', async (t) => {
  finn = await scene.open('Finn', 3, firefox);
  let clicked = await finn.join();
  let took = await finn.untilSees([ada, fay], { since: clicked });
  inTime(t, 'Firefox, last of two pictures', took, LATE_MS, BUSY_MS);
  bo = await scene.open('Bo', 4, chromium);
  clicked = await bo.join();
  took = await bo.untilSees([ada, fay, finn], { since: clicked });
  inTime(t, 'Chromium, last of three pictures', took, LATE_MS, BUSY_MS);
  await allMeet(ada, bo, fay, finn);
});

test('VP9 between every two of them: Chromium and Firefox, each to itself and to the other', async () => {
  await allUse('vp9', ada, bo, fay, finn);
});

test('who leaves is gone at once, in both browsers', async () => {
  await finn.click('leave');
  await finn.untilState('ended');
  assert.deepEqual(await finn.page.evaluate(() => globalThis.__devices.live()), [], 'camera or microphone still open after leaving');
  await Promise.all([ada.untilOthers(['Bo', 'Fay'], 10_000), fay.untilOthers(['Ada', 'Bo'], 10_000)]);
  await bo.click('leave');
  await bo.untilState('ended');
  await Promise.all([ada.untilOthers(['Fay'], 10_000), fay.untilOthers(['Ada'], 10_000)]);
  await Promise.all([finn.close(), bo.close()]);
});

for (const browser of ['chromium', 'firefox']) {
  test(`VP8 between every two of them once a ${browser} without VP9 is there, and VP9 again when it has left`, async () => {
    const vic = await scene.open('Vic', 5, { in: browser, before: keepPeers({ vp9: false }) });
    try {
      await vic.join();
      await allUse('vp8', ada, fay, vic);
      await allMeet(ada, fay, vic);
      await vic.click('leave');
      await vic.untilState('ended');
    } finally {
      await vic.close();
    }
    await Promise.all([ada.untilOthers(['Fay'], 10_000), fay.untilOthers(['Ada'], 10_000)]);
    await allUse('vp9', ada, fay);
    await allMeet(ada, fay);
  });
}

test('Firefox says nothing on the console, and keeps nothing', async () => {
  for (const member of [fay, finn]) assert.deepEqual(member.complaints, []);
  const kept = await fay.page.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    databases: (await indexedDB.databases()).length,
    cookie: document.cookie,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
  assert.deepEqual(kept, { local: 0, session: 0, databases: 0, cookie: '', workers: 0 });
  assert.equal(new URL(fay.page.url()).hash, '');
});
