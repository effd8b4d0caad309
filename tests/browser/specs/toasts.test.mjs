// Short messages cover nothing that somebody may want to press or read: measured in the page, on small telephones, with the keyboard open, in both directions.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { until } from '../lib/until.mjs';

/** The last is what a keyboard leaves of the first, where it takes from the page's height; a desktop besides. */
const SIZES = [
  { width: 390, height: 844 },
  { width: 360, height: 640 },
  { width: 390, height: 460 },
  { width: 1280, height: 800 },
];

/** How long a message is shown; nothing else in the client waits exactly as long. */
const SHOWN_MS = 6_000;

/** Messages stay: where they are is looked at, in many sizes, and not how long. */
const stay = (page) =>
  page.evaluateOnNewDocument((shown) => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (call, ms, ...rest) => setTimeout(call, ms === shown ? 600_000 : ms, ...rest);
  }, SHOWN_MS);

let scene;
let ada;
before(async () => {
  scene = await Scene.start();
  ada = await scene.open('Ada', 1, { before: stay });
  await ada.join();
  await scene.join(['Bo Lindqvist-Abernathy the Elder', 2], ['Cy', 3]);
  await until('two have arrived, and it is said', 15_000, async () => (await ada.texts('notice')).length === 2, () => ada.describe());
});
after(() => scene?.end());

/** What the messages lie over, and what of `wanted` a finger would not hit in its middle. */
function look(page, wanted) {
  return page.evaluate((wanted) => {
    const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
    const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const notices = shown('[data-test=notice]');
    const faults = [];
    for (const notice of notices) {
      const box = notice.getBoundingClientRect();
      if (box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight) faults.push(`“${notice.innerText.trim()}” sticks out`);
      // Under an open panel on a phone nothing of head and banners is to be seen.
      for (const selector of document.querySelector('.panel') ? ['.panel', '.controls'] : ['.call-head', '.banners', '.controls']) {
        for (const element of shown(selector)) if (meets(box, element.getBoundingClientRect())) faults.push(`“${notice.innerText.trim()}” lies over ${selector}`);
      }
    }
    for (const name of wanted) {
      const element = document.querySelector(`[data-test=${name}]`);
      const box = element?.getBoundingClientRect();
      const hit = box && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      if (!hit || !element.contains(hit)) faults.push(`${name} cannot be reached`);
    }
    return { notices: notices.length, faults };
  }, wanted);
}

const CONTROLS = ['mic', 'cam', 'chat', 'people', 'leave'];
const NO_PANEL = { show: () => ada.page.keyboard.press('Escape'), wanted: [...CONTROLS, 'safety-show', 'settings'] };
const PLACES = {
  'no panel': NO_PANEL,
  chat: { show: () => ada.show('chat', 'chat-input'), wanted: [...CONTROLS, 'panel-head', 'panel-close', 'chat-input', 'chat-send'] },
  people: { show: () => ada.people(), wanted: [...CONTROLS, 'panel-head', 'panel-close'] },
};

for (const [place, { show, wanted }] of Object.entries(PLACES)) {
  test(`short messages leave everything free: ${place}`, async () => {
    await show();
    const devtools = await ada.page.createCDPSession();
    for (const { width, height } of SIZES) {
      for (const dir of ['ltr', 'rtl']) {
        await devtools.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 1000 });
        await ada.page.evaluate((dir) => {
          document.documentElement.dir = dir;
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        }, dir);
        const { notices, faults } = await look(ada.page, wanted);
        assert.ok(notices > 0, `${place}, ${width} × ${height}, ${dir}: there is no message`);
        assert.deepEqual(faults, [], `${place}, ${width} × ${height}, ${dir}`);
      }
    }
    await devtools.detach();
  });
}

test('the latest line of the chat stays in sight when a keyboard takes half of the height', async () => {
  await ada.show('chat', 'chat-input');
  for (let n = 1; n <= 24; n += 1) await ada.say(`Line ${n} of more than fit`);
  const devtools = await ada.page.createCDPSession();
  for (const height of [844, 460]) {
    await devtools.send('Emulation.setDeviceMetricsOverride', { width: 390, height, deviceScaleFactor: 1, mobile: true });
    await until(`the last line is in sight at ${height}`, 5_000, () =>
      ada.page.evaluate(() => {
        const log = document.querySelector('[data-test=chat-log]').getBoundingClientRect();
        const last = [...document.querySelectorAll('[data-test=chat-line]')].at(-1).getBoundingClientRect();
        return last.bottom <= log.bottom + 1 && last.top >= log.top;
      }),
    );
  }
  await devtools.detach();
});
