// Browsers that cannot make calls, as far as a complete browser can be made to lack things: each person is told what is
// missing, the link still stands in the address bar, and a button copies it. Nothing was taken away and nothing was sent.
import assert from 'node:assert/strict';
import { failScript } from '../lib/intercept.mjs';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { until } from '../lib/until.mjs';

let scene;
before(async () => {
  scene = await MixedScene.start();
});
after(() => scene?.end());

/** Runs in the page before its own code: these names are unknown there. */
const without = (...names) => async (page) => {
  await page.evaluateOnNewDocument((all) => {
    for (const name of all) delete globalThis[name];
  }, names);
};

/** As browsers inside other apps are: no devices for pages, and no clipboard interface. */
const inAnApp = async (page) => {
  await page.evaluateOnNewDocument(() => {
    for (const name of ['mediaDevices', 'clipboard']) Object.defineProperty(Navigator.prototype, name, { get: () => undefined, configurable: true });
  });
};

/** Keeps what the page copies: the old way copies a selection, and a test's browser may have no clipboard at all. */
const keepCopies = async (page) => {
  await page.evaluateOnNewDocument(() => {
    globalThis.__copied = [];
    if (navigator.clipboard !== undefined) {
      Clipboard.prototype.writeText = async (text) => void globalThis.__copied.push(text);
      return;
    }
    Document.prototype.execCommand = (name) => {
      const field = document.activeElement;
      globalThis.__copied.push(name === 'copy' ? field.value.slice(field.selectionStart, field.selectionEnd) : null);
      return true;
    };
  });
};

const copied = (member) => member.page.evaluate(() => globalThis.__copied);

async function copiesTheLink(member) {
  await member.click('copy-link');
  await until('the link is copied', 10_000, async () => (await copied(member)).length > 0, () => member.describe());
  assert.deepEqual(await copied(member), [scene.link]);
}

for (const [browser, what, names, code, says] of [
  ['chromium', 'WebRTC', ['RTCPeerConnection'], 'noWebRtc', /lacks WebRTC/],
  ['chromium', 'WebAssembly', ['WebAssembly'], 'noWebAssembly', /lacks WebAssembly/],
  ['chromium', 'WebRTC and WebAssembly, as in Lockdown Mode', ['WebAssembly', 'RTCPeerConnection', 'RTCRtpSender', 'RTCRtpReceiver', 'RTCRtpScriptTransform'], 'lockedDown', /neither WebRTC nor WebAssembly/],
  ['chromium', 'transforms', ['RTCRtpScriptTransform'], 'noTransforms', /cannot pass them through this page’s encryption/],
  ['chromium', 'workers', ['Worker'], 'noWorkers', /lacks background workers/],
  ['firefox', 'WebRTC, as Tor Browser', ['RTCPeerConnection', 'RTCRtpSender', 'RTCRtpReceiver', 'RTCRtpScriptTransform'], 'noWebRtc', /Tor Browser/],
]) {
  test(`${browser} without ${what} is told so, and the link stays`, async () => {
    const member = await scene.open('Nell', 1, { in: browser, before: async (page) => {
      await without(...names)(page);
      await keepCopies(page);
    } });
    await member.untilState('error');
    assert.equal(await member.page.evaluate(() => document.querySelector('main').dataset.code), code);
    assert.match(await member.text('error-text'), says);
    assert.equal(member.page.url(), scene.link, 'the address bar');
    assert.match(await member.page.evaluate(() => document.querySelector('main').innerText), /still stands in the address bar/);
    await copiesTheLink(member);
    assert.deepEqual(member.page.workers(), [], 'something was started');
    assert.ok(member.requests.every((url) => !url.includes('/v1/')), 'something was sent');
    assert.deepEqual(member.complaints, []);
    await member.close();
  });
}

test('a browser inside another app, without devices and clipboard: told, link in place, and one can join all the same', async () => {
  const member = await scene.open('Ina', 2, { before: async (page) => {
    await inAnApp(page);
    await keepCopies(page);
  } });
  await member.untilState('join');
  await until('the words about devices', 10_000, () => member.visible('elsewhere'), () => member.describe());
  assert.match(await member.text('device-notice'), /does not let pages use a camera/);
  assert.match(await member.text('elsewhere'), /browsers inside other apps/);
  assert.equal(member.page.url(), scene.link);
  await copiesTheLink(member);
  await member.join();
  assert.equal(new URL(member.page.url()).hash, '', 'the address bar after joining');
  await member.close();
});

test('a program that does not load is told at the door, where the link still stands', async () => {
  const member = await scene.open('Lou', 3, { before: async (page) => {
    await keepCopies(page);
    await failScript(page, 'core.worker');
  } });
  await member.untilState('error');
  assert.equal(await member.page.evaluate(() => document.querySelector('main').dataset.code), 'coreFailed');
  assert.equal(member.page.url(), scene.link);
  await copiesTheLink(member);
  await member.close();
});

test('without a link there is nothing to copy, but the same words', async () => {
  const member = await scene.open('Max', 4, { link: `${scene.server.origin}/`, before: without('RTCPeerConnection') });
  await member.untilState('error');
  assert.match(await member.text('error-text'), /lacks WebRTC/);
  assert.equal(await member.visible('copy-link'), false);
  await member.close();
});
