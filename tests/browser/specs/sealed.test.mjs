// What the server received of a real call, searched for what the encoders made and what people wrote.
// The server is the real one with its taps open; media is looked at after SRTP has been taken off, socket bytes as they came.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { changeScript, pageText } from '../lib/intercept.mjs';
import { until } from '../lib/until.mjs';

/** Bytes in a row that count as a find: chance alone would need 2^128 tries. */
const RUN = 16;
const NAMES = ['Wilhelmina Canary', 'Ottokar Canary'];
const LINE = 'the canary sings at a quarter past nine';

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'conclave-frames-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A call of two on a tapped server; the first one's media worker is changed by `change`. Returns what the search found. */
async function searched(change, between) {
  const scene = await Scene.start({ tap: true });
  try {
    let used;
    const before = async (page) => {
      used = await changeScript(page, 'media.worker', change);
    };
    const [ada, bo] = await scene.join([NAMES[0], 1, { before }], [NAMES[1], 2]);
    assert.equal(used.times, 1, 'the media worker was loaded once, changed');
    await between(ada, bo);
    await ada.say(LINE);
    await bo.untilReads(NAMES[0], LINE);
    const worker = await ada.worker('media.worker');
    const frames = await until('the encoders have made enough', 30_000, async () => {
      const all = Buffer.from(await worker.evaluate(() => globalThis.__recorded()), 'base64');
      return all.length > 60_000 ? all : null;
    });
    const file = join(folder, `${scene.server.port}.frames`);
    writeFileSync(file, frames);
    const media = await scene.server.ask({ scan: file, run: RUN });
    const hex = (text) => Buffer.from(text).toString('hex');
    const words = [...NAMES, LINE].map(hex);
    const { hits } = await scene.server.ask({ find: [...words, hex('a=setup:passive')] });
    return { media, words: hits.slice(0, -1), control: hits.at(-1) };
  } finally {
    await scene.end();
  }
}

test('nothing that an encoder made, and no name and no line of chat, reaches the server', async (t) => {
  const found = await searched((text) => `${pageText('recorder.js')}\n${text}`, (ada, bo) => bo.untilSees([ada]));
  t.diagnostic(JSON.stringify(found));
  assert.ok(found.media.media_bytes > 60_000, 'the tap saw no media');
  assert.ok(found.media.socket_bytes > 10_000, 'the tap saw no socket bytes');
  assert.ok(found.control > 0, 'the tap does not find what surely passed: the server’s own answer');
  assert.equal(found.media.hits, 0);
  assert.deepEqual(found.words, [0, 0, 0]);
});

test('the search would have found it: with a worker that does not encrypt and lies about it, it hits', async (t) => {
  const found = await searched(() => `${pageText('recorder.js')}\n${pageText('open-worker.js')}`, async () => {});
  t.diagnostic(JSON.stringify(found));
  assert.ok(found.media.hits > 100, `only ${found.media.hits} runs of encoder output found`);
});
