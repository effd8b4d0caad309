// The instruments themselves: a picture and a tone are read correctly through a real encoder, and wrong ones are refused.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:http';
import { blockCode, pageScript } from '../lib/code.mjs';
import { startChromium } from '../lib/chromium.mjs';
import { until } from '../lib/until.mjs';

let browser;
let http;
let origin;
before(async () => {
  browser = await startChromium();
  http = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>t</title><button>go</button>'));
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${http.address().port}`;
});
after(async () => {
  await browser?.close();
  http?.close();
});

test('every word survives, and a flipped bit does not', () => {
  for (const word of [{ id: 1, kind: 'camera', counter: 0 }, { id: 8, kind: 'screen', counter: 262_143 }]) {
    const bits = blockCode.encode(word);
    assert.deepEqual(blockCode.decodeWord(bits), word);
    for (let bit = 0; bit < 32; bit += 1) assert.equal(blockCode.decodeWord((bits ^ (1 << bit)) >>> 0), null);
  }
  assert.equal(blockCode.decodeWord(0), null);
  assert.equal(blockCode.decodeWord(0xffff_ffff), null);
});

test('tones of different members never share a frequency', () => {
  const all = new Set();
  for (let id = 1; id <= 8; id += 1) for (let step = 0; step < blockCode.STEPS; step += 1) all.add(blockCode.frequency(id, step));
  assert.equal(all.size, 64);
});

/** A page that sends its own camera and tone to itself over a real connection, into a tile as the client makes them. */
async function loopback(page, kbps) {
  await page.goto(origin);
  await page.click('button');
  await page.evaluate(async (limit) => {
    const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
    a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate);
    b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate);
    const tile = document.createElement('div');
    tile.dataset.test = 'tile';
    tile.dataset.member = 'Ada';
    const [video, audio] = [document.createElement('video'), document.createElement('audio')];
    audio.dataset.test = 'tile-audio';
    audio.dataset.member = 'Ada';
    video.muted = true;
    tile.append(video);
    document.body.append(tile, audio);
    b.ontrack = ({ track }) => {
      const element = track.kind === 'video' ? video : audio;
      element.srcObject = new MediaStream([track]);
      void element.play();
    };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) {
      const sender = a.addTransceiver(track, { direction: 'sendonly' }).sender;
      if (track.kind === 'video') {
        const parameters = sender.getParameters();
        parameters.encodings[0].maxBitrate = limit * 1000;
        await sender.setParameters(parameters);
      }
    }
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription);
  }, kbps);
}

test('picture and tone are read through an encoder at 60 kbit/s, with their counters', async () => {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(pageScript({ id: 5, camera: true, microphone: true, denied: false, epochMs: Date.now() }));
  await loopback(page, 60);
  const seen = new Set();
  await until('the picture is read', 15_000, async () => {
    const [tile] = await page.evaluate(() => globalThis.__probe.tiles());
    if (tile?.word) {
      assert.equal(tile.word.id, 5);
      assert.equal(tile.word.kind, 'camera');
      assert.ok(tile.word.behind < 20, `the picture is ${tile.word.behind} frames late`);
      seen.add(tile.word.counter);
    }
    return seen.size >= 5;
  });
  await until('the tone is read', 15_000, async () => {
    const [sound] = await page.evaluate(() => globalThis.__probe.sounds());
    return sound?.tone?.id === 5;
  });
  const runs = await page.evaluate(() => globalThis.__probe.follow('Ada', 5, 4000));
  const steps = runs.filter((run) => run.step >= 0).map((run) => run.step);
  assert.ok(steps.length >= 30, `only ${steps.length} steps of the tone in four seconds`);
  const jumps = steps.slice(1).filter((step, at) => (step - steps[at] + 8) % 8 !== 1);
  assert.ok(jumps.length <= 2, `the tone jumped: ${steps.join(' ')}`);
  await page.close();
});

test('refused and missing devices are refused and missing', async () => {
  const ask = async (settings, want) => {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(pageScript({ id: 1, camera: true, microphone: true, denied: false, epochMs: 0, ...settings }));
    await page.goto(origin);
    const name = await page.evaluate((c) => navigator.mediaDevices.getUserMedia(c).then(() => 'given', (error) => error.name), want);
    await page.close();
    return name;
  };
  assert.equal(await ask({ denied: true }, { audio: true }), 'NotAllowedError');
  assert.equal(await ask({ camera: false }, { video: true }), 'NotFoundError');
  assert.equal(await ask({ camera: false }, { audio: true }), 'given');
});
