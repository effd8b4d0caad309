// The screen stays on during a call: the lock is asked for when the call begins, again when the page is back after it was
// hidden (the system takes it away then), and let go at the end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { until } from '../lib/until.mjs';

let scene;
before(async () => {
  scene = await Scene.start();
});
after(() => scene?.end());

/** Stands in for the system's lock, which a machine without a screen does not have. */
const keepLocks = async (page) => {
  await page.evaluateOnNewDocument(() => {
    const locks = (globalThis.__locks = []);
    Object.defineProperty(Navigator.prototype, 'wakeLock', {
      configurable: true,
      get: () => ({
        request: async (kind) => {
          const lock = { kind, released: false, release: async () => void (lock.released = true) };
          locks.push(lock);
          return lock;
        },
      }),
    });
  });
};

const locks = (member) => member.page.evaluate(() => globalThis.__locks.map(({ kind, released }) => `${kind} ${released ? 'released' : 'held'}`));

test('the screen is kept on from joining to leaving, and again after the page was hidden', async () => {
  const ada = await scene.open('Ada', 1, { before: keepLocks });
  await ada.untilState('join');
  assert.deepEqual(await locks(ada), [], 'asked for before there is a call');
  await ada.join();
  assert.deepEqual(await locks(ada), ['screen held']);
  await ada.page.evaluate(() => {
    globalThis.__locks[0].released = true;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until('the lock is asked for again', 5_000, async () => (await locks(ada)).length === 2);
  await ada.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await ada.click('leave');
  await ada.untilState('ended');
  assert.deepEqual(await locks(ada), ['screen released', 'screen released']);
});
