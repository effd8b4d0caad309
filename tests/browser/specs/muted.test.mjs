// Muting is between the members: the microphone stays published and sends silence at the same rate and size, so that neither
// a message nor a packet tells the server. In both browsers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { keepPeers } from '../lib/peer.mjs';
import { until } from '../lib/until.mjs';
import { Wire } from '../lib/wire.mjs';

/** Type of the message by which tracks are switched on and off, by the protocol page. */
const PUBLISH = 38;
const LISTEN_MS = 6_000;
/** Of the same rate. On busy cores it varies by some per cent from one moment to the next; a browser that sends less when muted sends a twentieth. */
const SAME = 0.15;

let wire;
let scene;
let ada;
before(async () => {
  wire = await Wire.start();
  scene = await MixedScene.start({ server: wire.server });
  [ada] = await scene.join(['Ada', 1, { before: keepPeers() }]);
});
after(async () => {
  await scene?.end();
  await wire?.stop();
});

/** Packets and bytes of sound that Ada gets in a while, per second. */
async function rate() {
  const read = () =>
    ada.page.evaluate(async () => {
      const now = { packets: 0, bytes: 0, at: performance.now() };
      (await globalThis.__peers.at(-1).getStats()).forEach((entry) => {
        if (entry.type !== 'inbound-rtp' || entry.kind !== 'audio') return;
        now.packets += entry.packetsReceived ?? 0;
        now.bytes += entry.bytesReceived ?? 0;
      });
      return now;
    });
  const from = await read();
  await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  const to = await read();
  const seconds = (to.at - from.at) / 1000;
  return { packets: (to.packets - from.packets) / seconds, bytes: (to.bytes - from.bytes) / (to.packets - from.packets) };
}

const published = () => wire.messages.filter((message) => !message.down && message.type === PUBLISH).length;
const shown = async (name) => (await ada.page.evaluate((who) => document.querySelector(`[data-test=tile][data-member="${who}"]`)?.dataset.mic, name)) ?? null;

for (const [n, browser] of ['chromium', 'firefox'].entries()) {
  test(`${browser}: muted, it is silent for the members and the same as ever for the server`, async (t) => {
    const bo = await scene.open(`Bo ${browser}`, 2 + n, { in: browser });
    await bo.join();
    await ada.untilHears([bo]);
    const speaking = await rate();
    const before = published();
    assert.ok(before > 0, 'the copy of the wire shows no track being published');
    await bo.click('mic');
    await until('Ada is shown that the microphone is off', 10_000, async () => (await shown(bo.name)) === 'off');
    await until('Ada no longer hears it', 10_000, async () => (await ada.sounds()).every((sound) => sound.name !== bo.name || sound.tone === null));
    const muted = await rate();
    t.diagnostic(`speaking ${JSON.stringify(speaking)}, muted ${JSON.stringify(muted)}, per second and bytes each`);
    assert.equal(published(), before, 'the server was told');
    assert.ok(Math.abs(muted.packets / speaking.packets - 1) <= SAME, 'fewer or more packets');
    assert.ok(Math.abs(muted.bytes - speaking.bytes) < 0.5, 'smaller or larger packets');
    await bo.click('mic');
    await ada.untilHears([bo]);
    await until('Ada is shown that the microphone is on', 10_000, async () => (await shown(bo.name)) === 'on');
    assert.equal(published(), before, 'the server was told of unmuting');
    await bo.click('leave');
    await bo.untilState('ended');
    await ada.untilOthers([], 15_000);
    await bo.close();
  });
}

test('who comes in muted is silent from the first frame on, and heard when they unmute', async () => {
  const cy = await scene.open('Cy', 4);
  await cy.untilState('join');
  await cy.click('toggle-mic');
  await cy.join();
  await ada.untilSees([cy]);
  assert.equal(await shown('Cy'), 'off');
  assert.ok((await ada.sounds()).every((sound) => sound.name !== 'Cy' || sound.tone === null));
  await cy.click('mic');
  await ada.untilHears([cy]);
  await cy.close();
});
