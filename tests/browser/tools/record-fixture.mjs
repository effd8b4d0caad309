// Records tests/bots/fixtures/vp9-320x180.ivf: three seconds of the tests' own picture of member 8, encoded by Chromium.
// Run by hand when the block code changes: node tools/record-fixture.mjs
import { createServer } from 'node:http';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pageScript } from '../lib/code.mjs';
import { startChromium } from '../lib/chromium.mjs';

const FRAMES = 30;
const OUT = new URL('../../bots/fixtures/', import.meta.url);

const http = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>t</title>'));
await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
const browser = await startChromium();
const page = await browser.newPage();
await page.evaluateOnNewDocument(pageScript({ id: 8, camera: true, microphone: true, denied: false, epochMs: 0 }));
await page.goto(`http://localhost:${http.address().port}`);
const code = readFileSync(new URL('../page/code.js', import.meta.url), 'utf8');
const chunks = await page.evaluate(
  async (text, count) => {
    const blockCode = new Function(`${text}\nreturn blockCode;`)();
    const canvas = new OffscreenCanvas(blockCode.WIDTH, blockCode.HEIGHT);
    const context = canvas.getContext('2d');
    const out = [];
    const encoder = new VideoEncoder({
      output: (chunk) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        out.push([chunk.type, [...data]]);
      },
      error: (error) => {
        throw error;
      },
    });
    encoder.configure({ codec: 'vp09.00.10.08', width: blockCode.WIDTH, height: blockCode.HEIGHT, bitrate: 80_000, framerate: 10, latencyMode: 'realtime' });
    for (let counter = 0; counter < count; counter += 1) {
      blockCode.draw(context, { id: 8, kind: 'camera', counter });
      const frame = new VideoFrame(canvas, { timestamp: counter * 100_000 });
      encoder.encode(frame, { keyFrame: counter === 0 });
      frame.close();
    }
    await encoder.flush();
    return out;
  },
  code,
  FRAMES,
);
await browser.close();
http.close();

const header = Buffer.alloc(32);
header.write('DKIF', 0);
header.writeUInt16LE(32, 6);
header.write('VP90', 8);
header.writeUInt16LE(320, 12);
header.writeUInt16LE(180, 14);
header.writeUInt32LE(10, 16);
header.writeUInt32LE(1, 20);
header.writeUInt32LE(chunks.length, 24);
const parts = [header];
chunks.forEach(([, data], at) => {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(data.length, 0);
  head.writeBigUInt64LE(BigInt(at), 4);
  parts.push(head, Buffer.from(data));
});
mkdirSync(OUT, { recursive: true });
writeFileSync(new URL('vp9-320x180.ivf', OUT), Buffer.concat(parts));
console.log(`${chunks.length} frames, ${Buffer.concat(parts).length} bytes, key frames at ${chunks.flatMap(([type], at) => (type === 'key' ? [at] : [])).join(' ')}`);
