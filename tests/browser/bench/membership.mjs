// What membership costs where a browser or a server takes part: the same steps as in the native program, in WebAssembly in a worker of a
// real Chromium, and removals and arrivals on the real server. Progress goes to standard error; the last line of standard output is one JSON object.
//
// The worker is no part of the client: `./x bench membership` builds its module into the folder MEASURE_DIR, and it is served from there.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startChromium } from '../lib/chromium.mjs';
import { Member } from '../lib/member.mjs';
import { Server, program } from '../lib/server.mjs';
import { until, within } from '../lib/until.mjs';

const SIZES = [10, 100, 250];

/** Live members of the call in which somebody is removed, one of them in Chromium. */
const LIVE = 25;
/** Removals: the 95th percentile of so few is the worst. */
const REMOVALS = 8;
/**
 * Leaves beside them, of people who came, hid their tab, renewed their keys when it was their turn, and then lost their line: the room is full, and the tree warm. They are missed
 * after 90 s, by when it is over.
 */
const DORMANT = 225;
/** People who come to a call of two until the room is full, one commit after the other. Several times, in rooms of their own. */
const ARRIVE = 248;
const ARRIVALS = 3;
/** The longest part takes three minutes; the rest is for a busy machine. */
const PATIENCE = 480_000;

const note = (text) => process.stderr.write(`membership: ${text}\n`);

const WORKER = `import start, { measure } from './conclave_membership.js';
await start({ module_or_path: fetch('/conclave_membership_bg.wasm') });
postMessage('ready');
onmessage = ({ data }) => {
  try {
    postMessage(measure(data));
  } catch (error) {
    postMessage(JSON.stringify({ error: String(error) }));
  }
};`;

/** Serves the module to a page that may use fine clocks, as the product's page does. */
async function serve(folder) {
  const made = { '/': ['text/html', '<!doctype html><title>membership</title>'], '/worker.js': ['text/javascript', WORKER] };
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    const files = { '/conclave_membership.js': 'text/javascript', '/conclave_membership_bg.wasm': 'application/wasm' };
    if (path in made) response.writeHead(200, { ...isolated, 'content-type': made[path][0] }).end(made[path][1]);
    else if (path in files) response.writeHead(200, { ...isolated, 'content-type': files[path] }).end(readFileSync(join(folder, path)));
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://localhost:${server.address().port}`, stop: () => server.close() };
}

async function inWorker(browser) {
  const { origin, stop } = await serve(process.env.MEASURE_DIR);
  const page = await browser.newPage();
  const figures = {};
  try {
    await page.goto(origin);
    await page.evaluate(async () => {
      if (!crossOriginIsolated) throw new Error('the clock would be coarse');
      globalThis.worker = new Worker('/worker.js', { type: 'module' });
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = (event) => reject(new Error(event.message));
      });
    });
    for (const size of SIZES) {
      note(`${size} members in WebAssembly`);
      // One call of the browser's protocol may not take as long as the largest group: start it, then look.
      await page.evaluate((size) => {
        globalThis.figures = undefined;
        worker.onmessage = ({ data }) => (globalThis.figures = data);
        worker.postMessage(size);
      }, size);
      const text = await until(`figures for ${size}`, PATIENCE, () => page.evaluate(() => globalThis.figures));
      figures[size] = JSON.parse(text);
      if (figures[size].error !== undefined) throw new Error(figures[size].error);
    }
    return figures;
  } finally {
    await page.close();
    stop();
  }
}

/** Native members in a room of their own; `meanwhile(link)` brings the others before they go on. */
async function company(server, { live, guests = 0, dormant, removals }, meanwhile) {
  const room = await server.makeRoom({ begin: 'anyone', lobby: false });
  const words = ['--link', room.guest_link, '--owner', room.host_credential, '--live', live, '--guests', guests, '--dormant', dormant, '--removals', removals];
  const members = spawn(program('conclave-removal'), words.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = [];
  createInterface({ input: members.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  const ended = new Promise((resolve) => members.once('exit', resolve));
  try {
    await until('the call is open', PATIENCE, () => lines.length > 0);
    await meanwhile?.(room.guest_link);
    members.stdin.write('go\n');
    const code = await within('the members are done', PATIENCE, ended);
    if (code !== 0) throw new Error(`the native members ended with ${code}`);
    return lines.at(-1);
  } finally {
    members.kill('SIGKILL');
  }
}

/** Nearest rank: a value that was measured. `null` if one of them never came: frames that go on arriving. */
function rank(values, share) {
  if (values.includes(null)) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
}

const browser = await startChromium();
// All come from one address.
const server = await Server.start({ more: ['--set', 'limits.connections_per_address=4096'] });
let chromium;
try {
  const wasm = await inWorker(browser);
  const rates = [];
  for (let n = 0; n < ARRIVALS; n++) {
    note(`${ARRIVE} people come to a call of two`);
    const { joined, joined_s } = await company(server, { live: 2, dormant: ARRIVE, removals: 0 });
    rates.push(joined / joined_s);
  }
  note(`${rates.map((rate) => rate.toFixed(1)).join(', ')} a second; removals among ${LIVE} live members and ${DORMANT} leaves`);
  const cut = await company(server, { live: LIVE - 1, guests: 1, dormant: DORMANT, removals: REMOVALS }, async (link) => {
    chromium = await Member.open(browser, link, { id: 1, name: 'Browser' });
    await chromium.join();
  });
  note(JSON.stringify(cut));
  if ((await chromium.state()) !== 'call') throw new Error(`the browser is not in the call any more: ${await chromium.describe()}`);
  if (cut.renewed === 0) throw new Error('the tree is cold: nobody renewed their keys');
  if (cut.key_cut_ms.length !== REMOVALS) throw new Error('not all removals were measured');
  const of = (values) => ({ p50: rank(values, 0.5), p95: rank(values, 0.95) });
  process.stdout.write(
    `${JSON.stringify({
      wasm,
      removal: { forwarding_cut_ms: of(cut.forwarding_cut_ms), key_cut_ms: of(cut.key_cut_ms) },
      joins_per_second: rank(rates, 0.5),
    })}\n`,
  );
} finally {
  await chromium?.close().catch(() => {});
  await browser.close();
  await server.stop().catch((error) => note(String(error)));
}
