// A media connection that does not come about is replaced by another one: nobody waits for a handshake that is dead.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BadNetwork } from '../lib/bad-network.mjs';
import { MixedScene } from '../lib/mixed.mjs';
import { keepPeers, peer } from '../lib/peer.mjs';
import { until } from '../lib/until.mjs';

/** The client gives a connection ten seconds from its answer; the rest is joining, on two busy cores. */
const REPLACED_MS = 20_000;

let network;
let scene;
let ada;
before(async () => {
  network = await BadNetwork.start();
  scene = await MixedScene.start({ server: network.server });
  [ada] = await scene.join(['Ada', 1]);
});
after(async () => {
  await scene?.end();
  await network?.stop();
});

for (const [n, browser] of ['chromium', 'firefox'].entries()) {
  test(`${browser}: no datagram comes through at first; a second connection is made and used`, async (t) => {
    await network.tell('loss 1');
    const bo = await scene.open(`Bo ${browser}`, 2 + n, { in: browser, before: keepPeers() });
    await bo.join();
    const from = performance.now();
    assert.equal((await peer(bo)).made, 1, 'one connection is made for a join');
    assert.notEqual((await peer(bo)).state, 'connected');
    await until('another connection is made', REPLACED_MS, async () => (await peer(bo)).made >= 2, async () => JSON.stringify(await peer(bo)));
    t.diagnostic(`replaced ${Math.round((performance.now() - from) / 1000)} s after joining`);
    await network.tell('loss 0');
    await bo.untilSees([ada], { ms: 30_000 });
    await ada.untilSees([bo], { ms: 30_000 });
    const { made } = await peer(bo);
    // And it stays: a connection that is there is not replaced.
    const since = performance.now();
    while (performance.now() - since < 12_000) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.deepEqual(await peer(bo), { made, state: 'connected' });
    }
    await bo.click('leave');
    await bo.untilState('ended');
    await bo.close();
  });
}
