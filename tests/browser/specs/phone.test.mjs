// What somebody on a small telephone sees without scrolling: the way in, and their own face.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';

const SIZES = [
  { width: 390, height: 844 },
  { width: 360, height: 640 },
];

let scene;
let ada;
before(async () => {
  scene = await Scene.start();
  ada = await scene.open('Ada', 1);
  await ada.fillName();
});
after(() => scene?.end());

/** `check` in the page, on each telephone and in both directions, after two frames: observers of sizes have had their turn. */
async function onEach(check) {
  const devtools = await ada.page.createCDPSession();
  for (const { width, height } of SIZES) {
    for (const dir of ['ltr', 'rtl']) {
      await devtools.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
      await ada.page.evaluate((dir) => {
        document.documentElement.dir = dir;
        scrollTo(0, 0);
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }, dir);
      assert.equal(await ada.page.evaluate(check), '', `${width} × ${height}, ${dir}`);
    }
  }
  await devtools.send('Emulation.clearDeviceMetricsOverride');
  await devtools.detach();
}

test('the button to join is in sight without scrolling, and what has the focus is not under it', async () => {
  await onEach(() => {
    const box = document.querySelector('[data-test=join]').getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight ? '' : `from ${box.top} to ${box.bottom} of ${innerHeight}`;
  });
  await onEach(() => {
    const keep = document.querySelector('[data-test=keep-place]');
    // One that has the focus already is not scrolled to again; one that is under the button would count as in sight.
    keep.blur();
    scrollBy(0, keep.getBoundingClientRect().top - document.querySelector('[data-test=join]').getBoundingClientRect().top);
    keep.focus();
    const box = keep.getBoundingClientRect();
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return hit === keep ? '' : `the focus is under ${hit?.outerHTML.slice(0, 80)}`;
  });
});

test('whoever is alone sees their own picture, with nothing over it', async () => {
  await ada.click('join');
  await ada.untilState('call');
  await onEach(() => {
    const [alone, tile] = ['.alone', '[data-test=tile]'].map((selector) => document.querySelector(selector)?.getBoundingClientRect());
    if (!alone || !tile || tile.width < 100 || tile.height < 100) return `words ${JSON.stringify(alone)}, picture ${JSON.stringify(tile)}`;
    return tile.top >= alone.bottom || tile.bottom <= alone.top ? '' : `words to ${alone.bottom}, picture from ${tile.top}`;
  });
});
