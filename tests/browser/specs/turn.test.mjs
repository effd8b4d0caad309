// A network that blocks UDP: Chromium and Firefox join all the same, over TLS on TCP 443, and see and hear each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CutOff } from '../lib/cut-off.mjs';
import { Member } from '../lib/member.mjs';
import { keepPeers, longestSilence, peer, told, way } from '../lib/peer.mjs';

/** From the click on Join to the first picture of the other: the promise. */
const JOIN_MS = 10_000;
/** Five seconds over TLS, five of trying, and the way back; Chromium by itself takes half a minute. */
const TRY_MS = 20_000;
/** Longest time without a packet meanwhile. */
const GAP_MS = 1_500;

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

test('one try of the relay over UDP, which this network does not carry, leaves the call as it was', async (t) => {
  const back = async (member) => {
    const ways = await told(member);
    return ways.includes('relay') && ways.at(-1) === 'all' && (await peer(member)).state === 'connected' && (await way(member)) !== null;
  };
  const wait = (member) => longestSilence(`${member.name} has tried UDP and is back on TLS`, TRY_MS, member, () => back(member));
  const gaps = await Promise.all([wait(ada), wait(fay)]);
  t.diagnostic(`longest silence: ${gaps.map(Math.round).join(' and ')} ms`);
  assert.ok(Math.max(...gaps) <= GAP_MS, `silent for ${gaps.map(Math.round)} ms`);
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada]), ada.untilHears([fay]), fay.untilHears([ada])]);
  for (const member of [ada, fay]) {
    assert.equal((await peer(member)).made, 1, 'another connection took its place');
    assert.equal((await told(member)).filter((policy) => policy === 'relay').length, 1, 'more than one try');
  }
});

test('it was the relay that carried it, and the direct way was tried and blocked', async () => {
  assert.ok(cut.dropped() > 0, 'no datagram ever tried the direct way: nothing was shown');
  assert.equal((await way(ada)).kind, 'relay');
  // Firefox names what it learns from answers by where it learned it; its own list of kinds is the standard's.
  assert.ok(['relay', 'prflx'].includes((await way(fay)).kind), `Firefox says ${JSON.stringify(await way(fay))}`);
  for (const member of [ada, fay]) assert.equal((await peer(member)).state, 'connected');
});
