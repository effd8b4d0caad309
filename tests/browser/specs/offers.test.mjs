// An offer that the server refuses costs nobody the call: pictures go on, the offer is made again, and the path can still be
// restarted afterwards. In Chromium and in Firefox, which also show that every stream that leaves is known by its sender.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { until } from '../lib/until.mjs';

/** Our own repetitions come after 2, 4 and 8 seconds. */
const REPEATED_MS = 40_000;

let scene;
let members;
before(async () => {
  scene = await MixedScene.start();
  members = await scene.join(['Ada', 1, { in: 'chromium', before: spoilOffers }], ['Fay', 2, { in: 'firefox', before: spoilOffers }]);
  const [ada, fay] = members;
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada])]);
});
after(() => scene?.end());

/**
 * Keeps each connection, counts its offers and answers, and takes the fingerprints, without which there is no answer, from the
 * next `spoil` offers.
 */
async function spoilOffers(page) {
  await page.evaluateOnNewDocument(() => {
    const made = (globalThis.__offers = { peers: [], offers: 0, answers: 0, spoil: 0 });
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      #sdp = null;
      constructor(...args) {
        super(...args);
        made.peers.push(this);
      }
      async setLocalDescription(description) {
        await super.setLocalDescription(description);
        const { sdp } = super.localDescription;
        made.offers += 1;
        this.#sdp = made.spoil > 0 ? sdp.replace(/^a=fingerprint:.*\r\n/gm, '') : sdp;
        if (made.spoil > 0) made.spoil -= 1;
      }
      async setRemoteDescription(description) {
        await super.setRemoteDescription(description);
        made.answers += 1;
      }
      get localDescription() {
        return this.#sdp === null ? super.localDescription : { type: 'offer', sdp: this.#sdp };
      }
    };
  });
}

const offers = (member) => member.page.evaluate(() => ({ ...globalThis.__offers, peers: globalThis.__offers.peers.length }));
/** As the browser says when the network is another one. */
const restart = (member, spoil) =>
  member.page.evaluate((n) => {
    globalThis.__offers.spoil = n;
    dispatchEvent(new Event('online'));
  }, spoil);
/** The name by which the path's end in the browser is known: a new one after each restart. */
const pathName = (member) => member.page.evaluate(() => /^a=ice-ufrag:(\S+)/m.exec(globalThis.__offers.peers.at(-1).currentLocalDescription.sdp)[1]);

for (const [index, browser] of ['Chromium', 'Firefox'].entries()) {
  test(`${browser}: a restart that was refused twice is made again, and the next one works as well`, { timeout: 120_000 }, async () => {
    const member = members[index];
    const other = members[1 - index];
    const [first, name] = [await offers(member), await pathName(member)];
    await restart(member, 2);
    let second = first;
    await until(
      'two offers were refused and the next was answered',
      REPEATED_MS,
      async () => {
        second = await offers(member);
        return second.answers > first.answers && second.offers - second.answers === first.offers - first.answers + 2;
      },
      async () => `${JSON.stringify([first, second])} ${await member.describe()}`,
    );
    assert.equal(second.peers, first.peers, 'the connection stays the same one');
    const renamed = await pathName(member);
    assert.notEqual(renamed, name, 'the answered offer did not restart the path');
    await Promise.all([member.untilSees([other]), other.untilSees([member])]);
    // Two restarts within a second are one.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await restart(member, 0);
    await until('the next restart is answered', 10_000, async () => (await offers(member)).answers > second.answers, () => member.describe());
    assert.notEqual(await pathName(member), renamed);
    await Promise.all([member.untilSees([other]), other.untilSees([member])]);
    assert.equal(await member.state(), 'call');
  });

  test(`${browser}: whatever leaves is known by the sender of an m-line of ours, by SSRC too`, async () => {
    const leaving = await members[index].page.evaluate(async () => {
      const pc = globalThis.__offers.peers.at(-1);
      const { sdp } = pc.localDescription;
      const entries = [...(await pc.getStats()).values()].filter((entry) => entry.type === 'outbound-rtp');
      return entries.map(({ kind, mid, ssrc, bytesSent }) => ({
        kind,
        bytesSent,
        byMid: new RegExp(`^a=mid:${mid}\\r$`, 'm').test(sdp),
        bySource: sdp.split(/\r\n(?=m=)/).find((section) => new RegExp(`^a=ssrc:${ssrc} `, 'm').test(section))?.includes(`\na=mid:${mid}\r\n`) ?? false,
      }));
    });
    const sent = leaving.filter(({ bytesSent }) => bytesSent > 0);
    assert.deepEqual(sent.map(({ kind }) => kind).sort(), ['audio', 'video']);
    for (const entry of sent) assert.deepEqual([entry.byMid, entry.bySource], [true, true], JSON.stringify(entry));
  });
}
