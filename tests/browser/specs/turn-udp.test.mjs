// A server that tells an address which is not its own, under a name that is right: Chromium and Firefox join over TLS on TCP 443 like those whose
// network blocks UDP, and a moment later their sound and pictures come over UDP, from TURN at the media's own port.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { CutOff } from '../lib/cut-off.mjs';
import { Member } from '../lib/member.mjs';
import { keepPeers, longestSilence, peer, told, way } from '../lib/peer.mjs';

/** From the click on Join to the first picture of the other. */
const JOIN_MS = 10_000;
/** From then on until media comes over UDP: five seconds of TLS, then an offer and some round trips. */
const UDP_MS = 15_000;
/** Longest time without a packet while the way changes: nothing is heard for that long. */
const GAP_MS = 1_500;
/** Of the flood: from so many ports, for so long, as fast as they go. */
const FLOODERS = 20;
const FLOOD_MS = 3_000;
/** What the server answers of it at once, and in each second: `limits::TURN_CHALLENGES`. */
const CHALLENGES = 50;

let server;
let link;
let [chromium, firefox] = [];
let [ada, fay] = [];

before(async () => {
  server = await CutOff.start({ astray: true });
  link = (await server.server.makeRoom()).guest_link;
  [chromium, firefox] = await Promise.all([server.chromium(), server.firefox()]);
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await server?.stop();
});

const untilUdp = (member) => longestSilence(`${member.name}'s media comes over UDP`, UDP_MS, member, async () => (await way(member))?.by === 'udp');

test('both join over TLS', async (t) => {
  ada = await Member.open(chromium, link, { id: 1, name: 'Ada', before: keepPeers() });
  await ada.join();
  fay = await Member.open(firefox, link, { id: 2, name: 'Fay', before: keepPeers() });
  const clicked = await fay.join();
  const took = await Promise.all([ada.untilSees([fay], { since: clicked }), fay.untilSees([ada], { since: clicked })]);
  t.diagnostic(`from Fay's click: ${took.map(Math.round).join(' and ')} ms; then ${JSON.stringify([await way(ada), await way(fay)])}`);
  assert.ok(Math.max(...took) <= JOIN_MS, `it took ${took.map(Math.round)} ms`);
});

test('a moment later their media comes over UDP, on the same connection and without a hole', async (t) => {
  const made = [(await peer(ada)).made, (await peer(fay)).made];
  const started = performance.now();
  const gaps = await Promise.all([untilUdp(ada), untilUdp(fay)]);
  t.diagnostic(`over UDP after ${Math.round(performance.now() - started)} ms; longest silence ${gaps.map(Math.round).join(' and ')} ms`);
  assert.ok(Math.max(...gaps) <= GAP_MS, `silent for ${gaps.map(Math.round)} ms`);
  for (const [at, member] of [ada, fay].entries()) {
    const { kind, to } = await way(member);
    assert.equal(kind, 'relay');
    // What the server tells, where nobody is: only the relay inside the server knows what to do with it.
    if (to !== null) assert.equal(to, server.told);
    assert.equal((await peer(member)).made, made[at], 'another connection took its place');
  }
});

test('they go on seeing and hearing each other there', async () => {
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada]), ada.untilHears([fay]), fay.untilHears([ada])]);
  for (const member of [ada, fay]) {
    assert.equal((await peer(member)).state, 'connected');
    assert.equal((await way(member)).by, 'udp');
    assert.equal((await told(member)).at(-1), 'relay', 'it went back');
  }
});

/** First requests of TURN clients (RFC 8656 §7.1), each a new one. Resolves with how many were sent, and how many answers came, of what length. */
async function flood(ms) {
  const count = { sent: 0, answers: 0, bytes: 0 };
  const sockets = await Promise.all(
    Array.from({ length: FLOODERS }, async () => {
      const socket = createSocket('udp4');
      socket.on('message', (answer) => {
        count.answers += 1;
        count.bytes += answer.length;
      });
      // The way there may be full for a moment.
      socket.on('error', () => {});
      socket.connect(443, server.address);
      await once(socket, 'connect');
      return socket;
    }),
  );
  const request = Buffer.from('000300082112a442' + '00'.repeat(12) + '0019000411000000', 'hex');
  const until = performance.now() + ms;
  while (performance.now() < until) {
    for (const socket of sockets) {
      randomBytes(12).copy(request, 8);
      socket.send(Buffer.from(request));
      count.sent += 1;
    }
    await new Promise(setImmediate);
  }
  for (const socket of sockets) socket.close();
  return count;
}

test('a flood of allocations from their own network gets few answers and does not disturb them', async (t) => {
  let over = false;
  const started = performance.now();
  const flooding = flood(FLOOD_MS).finally(() => {
    over = true;
  });
  const wait = (member) => longestSilence('the flood is over', FLOOD_MS * 4, member, () => over);
  const [{ sent, answers, bytes }, ...gaps] = await Promise.all([flooding, wait(ada), wait(fay)]);
  const seconds = (performance.now() - started) / 1_000;
  t.diagnostic(`${sent} requests in ${seconds.toFixed(1)} s, ${answers} answers of ${Math.round(bytes / answers)} bytes; longest silence ${gaps.map(Math.round).join(' and ')} ms`);
  assert.ok(sent > 10 * answers, 'that was no flood');
  assert.ok(answers > 0 && answers <= CHALLENGES * (seconds + 2), `${answers} answers in ${seconds} s`);
  assert.ok(Math.max(...gaps) <= GAP_MS, `silent for ${gaps.map(Math.round)} ms`);
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada]), ada.untilHears([fay]), fay.untilHears([ada])]);
  for (const member of [ada, fay]) assert.equal((await way(member)).by, 'udp');
});
