// A network that blocks UDP: Chromium and Firefox join all the same, over TLS on TCP 443, and see and hear each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CutOff } from '../lib/cut-off.mjs';
import { Member } from '../lib/member.mjs';
import { keepPeers, peer } from '../lib/peer.mjs';

/** From the click on Join to the first picture of the other: the promise. */
const JOIN_MS = 10_000;

let cut;
let link;
let [chromium, firefox] = [];
let [ada, fay] = [];

before(async () => {
  cut = await CutOff.start();
  link = (await cut.server.makeRoom()).guest_link;
  [chromium, firefox] = await Promise.all([cut.chromium(), cut.firefox()]);
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await cut?.stop();
});

/** The kind of the local candidate in use, as the browser's own statistics say. */
async function way(member) {
  return member.page.evaluate(async () => {
    const stats = await globalThis.__peers.at(-1).getStats();
    const all = [...stats.values()];
    const pair = all.find((s) => s.type === 'candidate-pair' && (s.selected === true || (s.nominated && s.state === 'succeeded')));
    return pair === undefined ? null : (stats.get(pair.localCandidateId)?.candidateType ?? null);
  });
}

test('Chromium joins, and a Firefox after it, each within the promise', async (t) => {
  ada = await Member.open(chromium, link, { id: 1, name: 'Ada', before: keepPeers() });
  await ada.join();
  fay = await Member.open(firefox, link, { id: 2, name: 'Fay', before: keepPeers() });
  const clicked = await fay.join();
  const [adas, fays] = await Promise.all([ada.untilSees([fay], { since: clicked }), fay.untilSees([ada], { since: clicked })]);
  t.diagnostic(`from Fay's click: Firefox sees Ada after ${Math.round(fays)} ms, Chromium sees Fay after ${Math.round(adas)} ms`);
  assert.ok(Math.max(adas, fays) <= JOIN_MS, `it took ${Math.round(Math.max(adas, fays))} ms`);
  await Promise.all([ada.untilHears([fay]), fay.untilHears([ada])]);
});

test('a Chromium that joins later is as quick', async (t) => {
  const bo = await Member.open(chromium, link, { id: 3, name: 'Bo', before: keepPeers() });
  const clicked = await bo.join();
  const took = await bo.untilSees([ada, fay], { since: clicked });
  t.diagnostic(`from Bo's click: Chromium sees both after ${Math.round(took)} ms`);
  assert.ok(took <= JOIN_MS, `it took ${Math.round(took)} ms`);
  await bo.page.close();
});

test('it was the relay that carried it, and the direct way was tried and blocked', async () => {
  assert.ok(cut.dropped() > 0, 'no datagram ever tried the direct way: nothing was shown');
  assert.equal(await way(ada), 'relay');
  // Firefox names what it learns from answers by where it learned it; its own list of kinds is the standard's.
  assert.ok(['relay', 'prflx'].includes(await way(fay)), `Firefox says ${await way(fay)}`);
  for (const member of [ada, fay]) assert.equal((await peer(member)).state, 'connected');
});
