// How long a person waits from the click on Join to the first picture of somebody else: a fresh Chromium window each time, the
// real server on loopback, the others native members (or one more Chromium where those are not built). Progress goes to
// standard error; the last line of standard output is one JSON object.
//
// Everything is observed from outside: the page's clicks, paints, connection states and presented frames by listeners put in
// before its own code, the messages by a relay before the server that reads their types. The client does not help.
//
// Parts, in ms, medians. Before the click, from the beginning of the navigation:
//   page         to the first paint of the client's own words
//   wasm         from there until the join page is usable: the core is loaded and compiled, and has read the link
// After the click; these four follow one another and add up to the whole of each join:
//   signalling   to Admitted: socket, challenge, proof
//   admission    to the answer to the offer: into the group, and a place in the call (the browser makes its offer meanwhile)
//   ice_dtls     to the peer connection's state `connected`
//   first_frame  to the first presented picture of somebody else
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { Bot } from '../lib/bot.mjs';
import { startChromium } from '../lib/chromium.mjs';
import { Member } from '../lib/member.mjs';
import { program } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';
import { Wire } from '../lib/wire.mjs';

/** An odd number, so that the median is one of them; the 95th percentile of so few is nearly the worst. */
const JOINS = 11;
/** Not counted: the first one warms Chromium's processes, as a browser in use is warm. */
const WARM_UP = 1;
const OTHERS = 2;
const DIST = new URL('../../../client-web/dist/', import.meta.url).pathname;

/** Types of messages, by the protocol page. */
const CHALLENGE = 1;
const ADMITTED = 2;
const ANSWER = 6;

/** Runs in the page before its own code, and only listens. Times are those of the page's wall clock. */
function watch() {
  const at = (stamp = performance.now()) => performance.timeOrigin + stamp;
  const seen = (globalThis.__join = { navigation: performance.timeOrigin });
  const once = (name, when) => (seen[name] ??= when);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.name === 'first-contentful-paint') once('paint', at(entry.startTime));
  }).observe({ type: 'paint', buffered: true });
  addEventListener('click', (event) => event.target.closest?.('[data-test=join]') && once('click', at(event.timeStamp)), true);
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      this.addEventListener('connectionstatechange', () => this.connectionState === 'connected' && once('connected', at()));
    }
  };
  const followed = new WeakSet();
  new MutationObserver(() => {
    if (document.querySelector('main')?.dataset.state === 'join') once('usable', at());
    for (const video of document.querySelectorAll('[data-test=tile]:not([data-self=true]) video')) {
      if (followed.has(video)) continue;
      followed.add(video);
      const shown = (_now, frame) => {
        // A picture under a covering "is coming" is not seen yet.
        if (video.checkVisibility({ opacityProperty: true, visibilityProperty: true })) once('frame', at(frame.presentationTime));
        else video.requestVideoFrameCallback(shown);
      };
      video.requestVideoFrameCallback(shown);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-state', 'data-self'] });
}

const times = (member) => member.page.evaluate(() => globalThis.__join);

async function join(browser, wire, link, n) {
  const from = wire.messages.length;
  const member = await Member.open(browser, link, { id: 1, name: `Joiner ${n}`, before: (page) => page.evaluateOnNewDocument(watch) });
  try {
    await member.join();
    const seen = await until(`join ${n} shows a picture`, 30_000, async () => {
      const now = await times(member);
      return now.frame !== undefined && now;
    }, () => member.describe());
    const mine = wire.messages.slice(from).filter((message) => message.at >= seen.click);
    const first = (type) => mine.find((message) => message.down && message.type === type)?.at;
    if (first(CHALLENGE) === undefined) throw new Error('the relay saw no challenge after the click');
    const [admitted, answer] = [first(ADMITTED), first(ANSWER)];
    if (process.env.CONCLAVE_BENCH_VERBOSE !== undefined) {
      for (const message of mine) process.stderr.write(`  ${(message.at - seen.click).toFixed(0)} ${message.down ? 'down' : 'up'} ${message.type} ${message.bytes}\n`);
      process.stderr.write(`  ${JSON.stringify(seen)}\n`);
    }
    return {
      click_to_first_frame: seen.frame - seen.click,
      page: seen.paint - seen.navigation,
      wasm: seen.usable - seen.paint,
      signalling: admitted - seen.click,
      admission: answer - admitted,
      ice_dtls: seen.connected - answer,
      first_frame: seen.frame - seen.connected,
    };
  } finally {
    await member.click('leave').catch(() => {});
    await member.untilState('ended').catch(() => {});
    await member.close();
  }
}

/** Nearest rank: a value that was measured, not one between two. */
function rank(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
}

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

/** Every file of the client, compressed: by the aim, what a person who uses everything loads once. */
function compressedBytes() {
  let bytes = 0;
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    // Files that were compressed beforehand are the same files again.
    if (entry.isFile() && !entry.name.endsWith('.br')) bytes += brotli(readFileSync(`${entry.parentPath ?? entry.path}/${entry.name}`));
  }
  return bytes;
}

/** What Chromium asked for until a page was usable, as compressed bytes. */
async function bytesUntil(browser, address, state) {
  const member = await Member.open(browser, address, { id: 1, name: 'Visitor' });
  await member.untilState(state);
  const asked = new Set(member.requests);
  await member.close();
  let bytes = 0;
  // What was asked for is read from the build: the files that the server carries.
  for (const url of asked) bytes += brotli(readFileSync(`${DIST}${new URL(url).pathname.slice(1) || 'index.html'}`));
  return bytes;
}

async function others(browser, link) {
  if (existsSync(program('conclave-bot'))) {
    const bots = Array.from({ length: OTHERS }, (_, n) => Bot.start(link, `Native ${n + 1}`, 600));
    return { kind: 'native', end: () => bots.forEach((bot) => bot.stop()), ready: () => Promise.all(bots.map((bot) => bot.untilEvent('in-call').catch(() => {}))) };
  }
  const member = await Member.open(browser, link, { id: 2, name: 'Other' });
  await member.join();
  return { kind: 'chromium', end: () => {}, ready: async () => {} };
}

const wire = await Wire.start();
const browser = await startChromium();
let company;
try {
  const link = (await wire.server.makeRoom()).guest_link;
  company = await others(browser, link);
  await company.ready();
  const rounds = [];
  for (let n = 1 - WARM_UP; n <= JOINS; n += 1) {
    const round = await join(browser, wire, link, n);
    process.stderr.write(`join ${n}: ${Math.round(round.click_to_first_frame)} ms from click to picture${n < 1 ? ' (warming up)' : ''}\n`);
    if (n >= 1) rounds.push(round);
  }
  const median = (part) => rank(rounds.map((round) => round[part]), 0.5);
  const result = {
    bench: 'join',
    joins: rounds.length,
    others: company.kind,
    click_to_first_frame_ms: { median: median('click_to_first_frame'), p95: rank(rounds.map((round) => round.click_to_first_frame), 0.95) },
    parts: Object.fromEntries(['page', 'wasm', 'signalling', 'admission', 'ice_dtls', 'first_frame'].map((part) => [part, median(part)])),
    client_compressed_bytes: compressedBytes(),
    first_screen_bytes: await bytesUntil(browser, `${wire.server.origin}/`, 'welcome'),
    join_screen_bytes: await bytesUntil(browser, link, 'join'),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  company?.end();
  await browser.close();
  await wire.stop();
}
