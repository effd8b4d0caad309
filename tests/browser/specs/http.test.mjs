// What the server sends with its files: the policy that keeps the client from being loosened, and nothing to remember.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { Server } from '../lib/server.mjs';

/**
 * All that somebody who uses everything loads once, as it travels. The aim is 750 kB; on a line of 10 Mbit/s that is 0.6 s. The build of tests and CI is at 700 kB,
 * a release at 677 kB. Larger: a crate or a profile could cost everybody a quarter of what they wait for, unseen. Smaller: every new screen would have to raise it.
 */
const LARGEST_CLIENT = 720_000;

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** Every file of the client, found as a browser finds them: from the page on. */
async function files() {
  const found = new Map();
  const open = ['/'];
  while (open.length > 0) {
    const path = open.pop();
    if (found.has(path)) continue;
    const answer = await fetch(`${server.origin}${path}`);
    const text = await answer.text();
    found.set(path, { answer, text });
    assert.equal(answer.status, 200, `${path} is named by the client and not there`);
    if (/\.(html|js|css)$|\/$/.test(path)) {
      for (const [name] of text.matchAll(/[\w./-]*[\w-]+\.(?:js|css|wasm|svg|png|woff2)\b/g)) {
        const url = new URL(name, `${server.origin}${path}`);
        const inAssets = new URL(`/assets/${name.split('/').at(-1)}`, server.origin);
        for (const candidate of [url, inAssets]) {
          if (candidate.origin === server.origin && /-[\w-]{8}\.\w+$/.test(candidate.pathname) && candidate.pathname.startsWith('/assets/')) open.push(candidate.pathname);
        }
      }
    }
  }
  return found;
}

/** An answer as it travels: `fetch` would unpack it. */
const raw = (path, headers) =>
  new Promise((resolve, reject) => {
    get(`${server.origin}${path}`, { headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    }).on('error', reject);
  });

const directive = (policy, name) => policy.split(';').map((part) => part.trim().split(/\s+/)).find(([first]) => first === name)?.slice(1);

test('every file comes with the strict policy and with nothing that a browser would remember', async () => {
  const all = await files();
  assert.ok([...all.keys()].filter((path) => path.endsWith('.wasm')).length >= 2, `found only ${[...all.keys()].join(' ')}`);
  assert.ok([...all.keys()].some((path) => path.includes('media.worker')), 'the media worker was not found');
  for (const [path, { answer }] of all) {
    const head = (name) => answer.headers.get(name) ?? '';
    const policy = head('content-security-policy');
    assert.deepEqual(directive(policy, 'default-src'), ["'none'"], path);
    assert.deepEqual(directive(policy, 'script-src')?.sort(), ["'self'", "'wasm-unsafe-eval'"], path);
    assert.deepEqual(directive(policy, 'style-src'), ["'self'"], path);
    assert.deepEqual(directive(policy, 'worker-src'), ["'self'"], path);
    assert.deepEqual(directive(policy, 'frame-ancestors'), ["'none'"], path);
    assert.deepEqual(directive(policy, 'base-uri'), ["'none'"], path);
    assert.deepEqual(directive(policy, 'require-trusted-types-for'), ["'script'"], path);
    assert.ok(!/unsafe-inline|[^-]unsafe-eval|data:|\*|https?:/.test(policy), `${path}: ${policy}`);
    assert.equal(head('set-cookie'), '', path);
    assert.equal(head('etag'), '', path);
    assert.equal(head('last-modified'), '', path);
    assert.match(head('cache-control'), /no-store/, path);
    assert.equal(head('x-content-type-options'), 'nosniff', path);
    assert.equal(head('referrer-policy'), 'no-referrer', path);
    assert.equal(head('cross-origin-opener-policy'), 'same-origin', path);
    assert.equal(head('cross-origin-embedder-policy'), 'require-corp', path);
    if (path.endsWith('.wasm')) assert.equal(head('content-type'), 'application/wasm', path);
    if (path.endsWith('.js')) assert.match(head('content-type'), /^(text|application)\/javascript/, path);
  }
});

test('scripts and modules come compressed to whoever takes brotli, and are the same bytes', async () => {
  const all = await files();
  for (const [path, { answer }] of all) {
    if (!/\.(js|wasm)$/.test(path)) continue;
    const plain = Buffer.from(await (await fetch(`${server.origin}${path}`, { headers: { 'accept-encoding': 'identity' } })).arrayBuffer());
    const packed = await raw(path, { 'accept-encoding': 'br' });
    assert.equal(packed.headers['content-encoding'], 'br', path);
    assert.ok(packed.body.length < plain.length / 2, `${path}: ${packed.body.length} of ${plain.length} bytes`);
    assert.ok(brotliDecompressSync(packed.body).equals(plain), `${path} is not what its compressed twin holds`);
    for (const name of ['content-security-policy', 'cache-control', 'content-type']) assert.equal(packed.headers[name], answer.headers.get(name), path);
    assert.equal((await fetch(`${server.origin}${path}.br`)).status, 404, 'the twin has an address of its own');
  }
});

test('all of the client together stays below what everybody may be made to load', async () => {
  let all = 0;
  for (const path of (await files()).keys()) all += (await raw(path, { 'accept-encoding': 'br' })).body.length;
  assert.ok(all < LARGEST_CLIENT, `${all} bytes`);
});

test('the page has no inline script or style', async () => {
  const page = await (await fetch(`${server.origin}/`)).text();
  assert.doesNotMatch(page, /<script(?![^>]*\ssrc=)[^>]*>/i);
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=/i);
});

test('what is not there is not there, and paths do not climb', async () => {
  for (const path of ['/nothing', '/assets/../../Cargo.toml', '/%2e%2e/%2e%2e/etc/passwd', '/assets/%00', '/v1/other']) {
    const answer = await fetch(`${server.origin}${path}`);
    assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.doesNotMatch(await answer.text(), /root:|\[workspace\]/);
  }
});

test('only reading is answered', async () => {
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const answer = await fetch(`${server.origin}/`, { method });
    assert.equal(answer.status, 405, method);
  }
});
