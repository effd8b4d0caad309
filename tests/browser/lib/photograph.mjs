// A page as pictures, on a desktop and a phone, light and dark, and mirrored for right-to-left; and what a machine can say about a
// picture: nothing sticks out sideways, what can be pressed is large enough and has a name, and axe-core finds nothing.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsFound } from './axe.mjs';

const OUT = join(process.env.CONCLAVE_OUT_DIR ?? new URL('../../../target', import.meta.url).pathname, 'screenshots');

const LOOKS = [
  { look: 'desktop', width: 1280, height: 800, axe: true },
  { look: 'desktop-dark', width: 1280, height: 800, dark: true, axe: true },
  { look: 'phone', width: 390, height: 844, phone: true, axe: true },
  { look: 'phone-dark', width: 390, height: 844, phone: true, dark: true },
  { look: 'rtl', width: 1280, height: 800, rtl: true },
];

export async function photograph(member, name) {
  mkdirSync(OUT, { recursive: true });
  const { page } = member;
  // Not `setViewport`: that reloads the page when it turns into a phone.
  const devtools = await page.createCDPSession();
  for (const { look, width, height, phone = false, dark = false, rtl = false, axe = false } of LOOKS) {
    await devtools.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: phone ? 2 : 1, mobile: phone });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.evaluate((dir) => {
      document.documentElement.dir = dir;
    }, rtl ? 'rtl' : 'ltr');
    // Colours that are still on their way from light to dark are nobody's design.
    await page.evaluate(() => document.getAnimations().forEach((animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime) && animation.finish()));
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
    if (axe) faults.push(...(await faultsFound(page)));
    assert.deepEqual(faults, [], `${name}, ${look}`);
  }
  await devtools.send('Emulation.setDeviceMetricsOverride', { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false });
  await devtools.detach();
  await page.emulateMediaFeatures([]);
  await page.evaluate(() => {
    document.documentElement.dir = 'ltr';
  });
}
