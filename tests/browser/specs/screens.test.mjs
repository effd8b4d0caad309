// Every screen as a picture, on a desktop and a phone, light and dark, and mirrored for right-to-left; and what a machine
// can say about a picture: nothing sticks out sideways, and what can be pressed is large enough and has a name.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { cut } from '../lib/link.mjs';

const OUT = join(process.env.CONCLAVE_OUT_DIR ?? new URL('../../../target', import.meta.url).pathname, 'screenshots');

const LOOKS = [
  { look: 'desktop', width: 1280, height: 800 },
  { look: 'desktop-dark', width: 1280, height: 800, dark: true },
  { look: 'phone', width: 390, height: 844, phone: true },
  { look: 'phone-dark', width: 390, height: 844, phone: true, dark: true },
  { look: 'rtl', width: 1280, height: 800, rtl: true },
];

let scene;
before(async () => {
  mkdirSync(OUT, { recursive: true });
  scene = await Scene.start();
});
after(() => scene?.end());

async function photograph(member, name) {
  const { page } = member;
  // Not `setViewport`: that reloads the page when it turns into a phone.
  const devtools = await page.createCDPSession();
  for (const { look, width, height, phone = false, dark = false, rtl = false } of LOOKS) {
    await devtools.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: phone ? 2 : 1, mobile: phone });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.evaluate((dir) => {
      document.documentElement.dir = dir;
    }, rtl ? 'rtl' : 'ltr');
    // Two frames, so that observers of sizes have had their turn.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(join(OUT, `${name}-${look}.png`), Buffer.from(data, 'base64'));
    const faults = await page.evaluate(() => {
      const found = [];
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) found.push(`${scrollWidth - clientWidth} px stick out sideways`);
      for (const element of document.querySelectorAll('button, a[href], input, select, textarea')) {
        if (!element.checkVisibility()) continue;
        const box = element.getBoundingClientRect();
        const text = element.innerText?.trim() || element.ariaLabel || element.title || element.labels?.[0]?.innerText || element.placeholder || '';
        const what = element.dataset.test ?? element.outerHTML.slice(0, 60);
        if (text === '') found.push(`${what} has no name`);
        if (element.tagName === 'BUTTON' && (box.width < 24 || box.height < 24)) found.push(`${what} is only ${box.width} × ${box.height} px`);
      }
      return found;
    });
    assert.deepEqual(faults, [], `${name}, ${look}`);
  }
  await devtools.send('Emulation.setDeviceMetricsOverride', { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false });
  await devtools.detach();
  await page.emulateMediaFeatures([]);
  await page.evaluate(() => {
    document.documentElement.dir = 'ltr';
  });
}

test('the door: landing page, broken link, join page', async () => {
  const visitor = await scene.open('Visitor', 8, { link: `${scene.server.origin}/` });
  await visitor.untilState('welcome');
  await photograph(visitor, 'welcome');
  await visitor.close();
  const lost = await scene.open('Lost', 8, { link: cut(scene.link) });
  await lost.untilState('error');
  await photograph(lost, 'broken-link');
  await lost.close();
  const bare = await scene.open('Bare', 7, { denied: true });
  await bare.fillName();
  await photograph(bare, 'join-refused');
  await bare.close();
});

test('a tab loaded again: with a place to take back, and without', async () => {
  const kept = await scene.open('Kai', 5);
  await kept.fillName();
  await kept.click('keep-place');
  await photograph(kept, 'join-keeping');
  await kept.join();
  await kept.page.reload();
  await kept.untilState('welcome');
  await photograph(kept, 'welcome-kept');
  await kept.paste(scene.link);
  await photograph(kept, 'join-back');
  await kept.page.locator('[data-test=name-input]').fill('Kai');
  await kept.click('take-back');
  await kept.untilState('call');
  await kept.click('leave');
  await kept.untilState('ended');
  await kept.close();
  const lost = await scene.open('Lou', 6);
  await lost.join();
  await lost.page.reload();
  await lost.untilState('welcome');
  await photograph(lost, 'welcome-lost');
  await lost.paste(scene.link);
  await photograph(lost, 'join-lost');
  await lost.close();
});

test('the call, with its panels, and the end', async () => {
  const ada = await scene.open('Ada', 1);
  await ada.fillName();
  await photograph(ada, 'join');
  await ada.join();
  await photograph(ada, 'call-alone');
  const [bo, cy] = await scene.join(['Bo Lindqvist', 2], ['Ch\u00e2u \u0110\u1ed7', 3]);
  await ada.untilSees([bo, cy]);
  await photograph(ada, 'call');
  await bo.say('Good evening! Can everybody see the agenda?');
  await ada.say('Yes, and a rather long line, so that it has to be broken somewhere in the middle of the panel.');
  await ada.untilReads(bo.name, 'Good evening! Can everybody see the agenda?');
  await photograph(ada, 'chat');
  await ada.people();
  await photograph(ada, 'people');
  await ada.safetyNumber();
  await photograph(ada, 'safety-number');
  await bo.click('screen');
  await ada.untilSees([bo], { kind: 'screen' });
  await photograph(ada, 'screen-share');
  await ada.click('leave');
  await ada.untilState('ended');
  await photograph(ada, 'ended');
});
