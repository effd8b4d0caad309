// The lines that a call shows when the server keeps things from its members, and the number to compare, as pictures. When they come and go is
// `evil-server`'s and `trust`'s to say.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startChromium } from '../lib/chromium.mjs';
import { evilCall } from '../lib/evil-call.mjs';
import { about, setRule } from '../lib/hosted.mjs';
import { photograph } from '../lib/photograph.mjs';
import { until } from '../lib/until.mjs';

let browsers;
before(async () => {
  browsers = { chromium: await startChromium() };
});
after(() => browsers?.chromium.close());

/** With a panel open, and with a keyboard over half of the screen. */
const PHONES = [
  { width: 390, height: 844 },
  { width: 360, height: 640 },
  { width: 390, height: 440 },
];

/** On telephones, both ways round: nothing lies over this line, nor over what people write in. */
async function inSight(member, ...tests) {
  const devtools = await member.page.createCDPSession();
  for (const { width, height } of PHONES) {
    for (const dir of ['ltr', 'rtl']) {
      await devtools.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
      const over = await member.page.evaluate(async (dir, tests) => {
        document.documentElement.dir = dir;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        return tests.flatMap((name) => {
          const element = document.querySelector(`[data-test=${name}]`);
          const box = element.getBoundingClientRect();
          const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          return element.contains(hit) && box.top >= 0 && box.bottom <= innerHeight ? [] : [`${name} is under ${hit?.outerHTML.slice(0, 80)}`];
        });
      }, dir, tests);
      assert.deepEqual(over, [], `${member.name}, ${width} × ${height}, ${dir}`);
    }
  }
  await devtools.send('Emulation.setDeviceMetricsOverride', { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false });
  await devtools.detach();
  await member.page.evaluate(() => {
    document.documentElement.dir = 'ltr';
  });
}

const untilAlarm = (member, kind, words) =>
  until(`${member.name} is told: ${kind} ${words}`, 40_000, async () => words.test(await member.text(`alarm-${kind}`)), () => member.describe());

test('a removal that is swallowed: the screens of whoever asked for it, of another and of the one who should be out', async () => {
  await evilCall(browsers, [['Hope', 1], ['Ada', 2], ['Mallory with quite a long name', 3]], {}, async ({ evil, members: [hope, ada, mallory] }) => {
    evil.withholds = ({ down, kind }) => !down && kind === 'commit';
    await hope.show('people', 'person');
    await about(hope, mallory.name, 'remove');
    await untilAlarm(hope, 'removalStuck', /Nothing of you is sent/);
    await photograph(hope, 'alarm-removal-asker');
    await untilAlarm(ada, 'removalStuck', /neither should you/);
    await photograph(ada, 'alarm-removal');
    await ada.show('chat', 'chat-input');
    await inSight(ada, 'alarm-removalStuck', 'chat-input', 'panel-close', 'leave');
    await photograph(ada, 'alarm-removal-chat');
    await untilAlarm(mallory, 'removalStuck', /You were told to go/);
    await photograph(mallory, 'alarm-removal-removed');
  });
});

test('one who is kept in the past, the number that shows it, and one who is not let back in', async () => {
  await evilCall(browsers, [['Hope', 1], ['Ada', 2], ['Bo', 3], ['Cy', 4]], {}, async ({ evil, members: [hope, ada, bo, cy] }) => {
    const past = ({ who, type, kind, from }) => who === 'Ada' && (type === 'notice' || type === 'rights' || (kind !== null && from !== 'Ada'));
    const out = ({ who, kind }) => who === 'Cy' && (kind === 'commit' || kind === 'welcome');
    evil.withholds = (message) => message.down && (past(message) || out(message));
    await setRule(hope, 'rule-locked', true);
    await untilAlarm(bo, 'digestsDiffer', /Ada/);
    await photograph(bo, 'alarm-apart');
    await untilAlarm(ada, 'silent', /Hope/);
    await photograph(ada, 'alarm-silent');
    await bo.show('chat', 'chat-input');
    await hope.show('safety-show', 'compare-now');
    await hope.click('compare-now');
    await until('Bo is shown the number to compare', 20_000, async () => (await bo.text('compared-number')) !== '', () => bo.describe());
    await inSight(bo, 'comparing', 'panel-close', 'leave');
    await photograph(bo, 'compare');
    await until('Cy is told what it may be', 60_000, async () => /keeping you out/.test(await cy.text('banner')), () => cy.describe());
    await photograph(cy, 'reconnecting-long');
  });
});
