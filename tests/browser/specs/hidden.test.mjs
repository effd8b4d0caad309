// A tab that is put behind another: the server sends it no pictures any more, sound goes on, nobody takes it for lost, and the
// pictures are back when it is. In both browsers, hidden as a person does it: by another tab in front.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { keepPeers } from '../lib/peer.mjs';
import { until } from '../lib/until.mjs';

/** Pictures stop with the request that ends them; a retransmission may straggle. */
const STOP_MS = 10_000;
/** For how long nothing may come, and nobody be shown as lost: more than two beacons and two heartbeats. */
const QUIET_MS = 20_000;

let scene;
let ada;
before(async () => {
  scene = await MixedScene.start();
  [ada] = await scene.join(['Ada', 1]);
});
after(() => scene?.end());

/** Bytes of pictures and of sound that came in so far. */
const received = (member) =>
  member.page.evaluate(async () => {
    const bytes = { video: 0, audio: 0 };
    (await globalThis.__peers.at(-1).getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp') bytes[entry.kind] += entry.bytesReceived ?? 0;
    });
    return bytes;
  });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for (const [n, browser] of ['chromium', 'firefox'].entries()) {
  test(`${browser}: behind another tab it gets sound and no pictures, stays in the call, and sees again when it is back`, async (t) => {
    const bo = await scene.open(`Bo ${browser}`, 2 + n, { in: browser, before: keepPeers() });
    await bo.join();
    await Promise.all([bo.untilSees([ada]), bo.untilHears([ada]), ada.untilSees([bo])]);
    await ada.listen();
    const front = await bo.context.newPage();
    await front.bringToFront();
    assert.equal(await bo.page.evaluate(() => document.visibilityState), 'hidden', 'another tab in front does not hide this one');

    let last = (await received(bo)).video;
    await until('no picture comes any more', STOP_MS, async () => {
      await pause(1_000);
      const { video } = await received(bo);
      const still = video === last;
      last = video;
      return still;
    });
    const from = await received(bo);
    const heard = performance.now();
    while (performance.now() - heard < QUIET_MS) {
      await pause(1_000);
      const lost = await ada.page.evaluate(() => document.querySelectorAll('.tile.is-lost').length);
      assert.equal(lost, 0, 'a hidden tab is shown as lost');
    }
    const to = await received(bo);
    t.diagnostic(`in ${QUIET_MS / 1000} s: ${to.video - from.video} bytes of pictures, ${to.audio - from.audio} of sound`);
    assert.equal(to.video, from.video, 'pictures come to a tab that nobody looks at');
    // 50 frames of 200 bytes a second; half of it leaves room for a busy machine.
    assert.ok(to.audio - from.audio > (QUIET_MS / 1000) * 5_000, 'the sound has stopped');
    assert.deepEqual((await ada.news()).filter((line) => line.includes(bo.name)), [], 'something was said about the hidden one');

    await bo.page.bringToFront();
    await until('the tab is shown', 5_000, async () => (await bo.page.evaluate(() => document.visibilityState)) === 'visible');
    const took = await bo.untilSees([ada]);
    t.diagnostic(`pictures back after ${Math.round(took)} ms`);
    await ada.untilSees([bo]);
    await front.close();
    await bo.click('leave');
    await bo.untilState('ended');
    await ada.untilOthers([], 15_000);
    await bo.close();
  });
}

test('whoever looks gets pictures all the time: the silence above is not this network', async () => {
  const cy = await scene.open('Cy', 5, { before: keepPeers() });
  await cy.join();
  await cy.untilSees([ada]);
  const from = await received(cy);
  await pause(3_000);
  assert.ok((await received(cy)).video > from.video);
  await cy.close();
});
