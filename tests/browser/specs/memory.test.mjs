// What is left of a call in a browser's memory when its person has left.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bot } from '../lib/bot.mjs';
import { reconnected } from '../lib/chromium.mjs';
import { HostedScene } from '../lib/hosted.mjs';
import { secretOf } from '../lib/link.mjs';
import { until } from '../lib/until.mjs';
import { WorkerMemory, inProcess, renderers } from '../lib/wasm-memory.mjs';

const NAME = 'Wilhelmina Canary';
const OTHER = 'Ottokar Canary';
const LINE = 'the canary sings at a quarter past nine';

let scene;
before(async () => {
  scene = await HostedScene.start({ browsers: ['chromium'] });
});
after(() => scene?.end());

/**
 * For `before` of `Member.open`. Media keys pass from worker to worker through the page's channel: here a second one is put in between, which notes them under
 * a mask. And core workers are not ended when the page says so, so that what is left in them can be looked at; `__end()` ends them.
 */
const listen = (page) =>
  page.evaluateOnNewDocument(`(() => {
    const Channel = MessageChannel;
    globalThis.__keys = [];
    globalThis.MessageChannel = class {
      constructor() {
        const [near, far] = [new Channel(), new Channel()];
        for (const [from, to] of [[near.port2, far.port1], [far.port1, near.port2]]) {
          from.onmessage = ({ data }) => {
            if (data.t === 'keys') globalThis.__keys.push(Array.from(data.baseKey, (byte) => byte ^ 0x5a));
            to.postMessage(data, data.t === 'keys' ? [data.baseKey.buffer] : []);
          };
        }
        this.port1 = near.port1;
        this.port2 = far.port2;
      }
    };
    const Original = Worker;
    const waiting = [];
    globalThis.__ended = () => waiting.length;
    globalThis.__end = () => waiting.splice(0).forEach((end) => end());
    globalThis.Worker = class extends Original {
      #core;
      constructor(url, options) {
        super(url, options);
        this.#core = String(url).includes('core.worker');
      }
      terminate() {
        if (this.#core) waiting.push(() => super.terminate());
        else super.terminate();
      }
    };
  })();`);

/** A piece out of the middle, which covers secrets; a text may be cut or joined to others. */
const inside = (text) => Buffer.from(text.slice(40, 80));

/** Everything that nobody else may find: keys as bytes, and what people wrote and are called. */
function needlesOf(room, link, mediaKeys) {
  const credential = Buffer.from(room.host_credential.split(':')[1], 'base64url');
  return {
    keys: {
      'the link’s secret': secretOf(link),
      'the owner’s managing key': credential.subarray(-36, -4),
      'the owner’s mandate key': credential.subarray(-68, -36),
      ...Object.fromEntries(mediaKeys.map((key, at) => [`the media key of epoch ${at}`, Buffer.from(key)])),
    },
    texts: {
      'the link': inside(link.split('#')[1]),
      'the owner’s key': inside(room.host_credential),
      'one’s own name': Buffer.from(NAME),
      'another’s name': Buffer.from(OTHER),
      'what was said': Buffer.from(LINE),
    },
  };
}

const hits = (found) => Object.entries(found).filter(([, places]) => (places.length ?? places) > 0).map(([name]) => name).sort();

/** Needles in all of a browser's renderers together. */
function inRenderers(browser, needles) {
  const found = new Set();
  let scanned = 0;
  for (const id of renderers(browser)) {
    const one = inProcess(id, needles);
    scanned += one.scanned;
    for (const name of hits(one.found)) found.add(name);
  }
  return { found: [...found].sort(), scanned };
}

/** What of these texts the page's JavaScript still holds: a heap snapshot collects first, so that what is found is referred to. */
async function inHeap(page, texts) {
  const client = await page.createCDPSession();
  const parts = [];
  client.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => parts.push(chunk));
  await client.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await client.detach();
  const snapshot = parts.join('');
  return Object.keys(texts).filter((name) => snapshot.includes(texts[name].toString())).sort();
}

test('whoever has left keeps no key: not in the core worker, whose memory is wiped before it ends, and nowhere in the page’s process', async (t) => {
  await scene.otherRoom({ lobby: false });
  const member = await scene.host(NAME, 1, { before: listen });
  const bot = Bot.start(scene.link, OTHER);
  try {
    await member.untilOthers([OTHER], 30_000);
    bot.tell(`chat ${LINE}`);
    await member.untilReads(OTHER, LINE);
    const mediaKeys = await member.page.evaluate(() => globalThis.__keys.map((key) => key.map((byte) => byte ^ 0x5a)));
    const { keys, texts } = needlesOf(scene.room, scene.link, mediaKeys);
    const newest = `the media key of epoch ${mediaKeys.length - 1}`;
    const core = await WorkerMemory.of(await member.worker('core.worker'));
    const media = await WorkerMemory.of(await member.worker('media.worker'));

    // The control: while the call runs the same searches find them.
    const lasting = ['the link’s secret', 'the owner’s managing key', 'the owner’s mandate key', newest].sort();
    const names = ['another’s name', 'one’s own name'];
    const inCore = hits(await core.find({ ...keys, ...texts }));
    assert.deepEqual([...lasting, ...names].filter((name) => !inCore.includes(name)), [], 'the search of the core worker misses what must be there');
    assert.ok(hits(await media.find(keys)).includes(newest), 'the search of the media worker misses the key in use');
    const during = inRenderers(scene.browser, keys);
    assert.deepEqual(lasting.filter((name) => !during.found.includes(name)), [], 'the search of the processes misses what must be there');

    await member.click('leave');
    await until('the page is at the end', 10_000, async () => {
      if (await member.visible('leave-yes')) await member.click('leave-yes');
      return (await member.state()) === 'ended';
    }, () => member.describe());
    // The worker still carries the farewell; it is kept from ending, and looked at.
    const left = hits(await core.find({ ...keys, ...texts }));
    assert.deepEqual(left, [], `left in the core worker’s memory of ${await core.size()} bytes`);
    const script = (worker) => /[a-z]+\.worker/.exec(worker.url())?.[0];
    await until('the media worker is ended', 10_000, () => member.page.workers().map(script).join() === 'core.worker', () => member.page.workers().map(script).join());
    await until('the page ends the core worker', 10_000, () => member.page.evaluate(() => globalThis.__ended() === 1));
    await member.page.evaluate(() => globalThis.__end());
    await until('no worker is left', 10_000, () => member.page.workers().length === 0);
    const after = inRenderers(scene.browser, keys);
    t.diagnostic(`searched ${Math.round(after.scanned / 2 ** 20)} MiB of the renderers for ${Object.keys(keys).length} keys`);
    assert.deepEqual(after.found, [], 'keys in a renderer’s memory');

    // What JavaScript keeps is what *Join again* needs, and no more: docs/threat-model.md says so. The driver’s own handles go with its connection.
    scene.browser = scene.browsers.chromium = await reconnected(scene.browser);
    const [page] = (await scene.browser.pages()).filter((one) => one.url().startsWith(scene.server.origin));
    assert.deepEqual(await inHeap(page, texts), ['one’s own name', 'the link', 'the owner’s key']);
  } finally {
    bot.stop();
  }
});
