// Long silences. Browsers that are stopped for minutes, as by a closed lid: they are back as the same members, or their people
// are told why not. A server that is killed and started: the call goes on with the same members and no new join.
//
// The two have a server and browsers each, and run beside one another: one of them mostly waits.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { freeze } from '../lib/freeze.mjs';
import { until } from '../lib/until.mjs';

/** Longer than the 90 s after which a silent member is removed, so that only a proof brings it back. `CONCLAVE_LONG=1`: ten minutes. */
const STOPPED_MS = process.env.CONCLAVE_LONG === undefined ? 180_000 : 600_000;
/** From the moment the browser runs again. The socket has to be found dead first, which takes it up to a heartbeat and a half. */
const BACK_MS = 60_000;
/** From the moment the server answers again: the pause between two attempts is at most eight seconds. */
const REATTACH_MS = 30_000;
/** How long the server is away. */
const AWAY_MS = 3_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const cameOrWent = (news) => news.filter((line) => /joined|left|removed/.test(line));

describe('silences', { concurrency: true }, () => {
  test(`browsers that were stopped for ${STOPPED_MS / 60_000} minutes are back as the same members, or are told why not`, async (t) => {
    // A browser of its own for whoever watches: the others' are stopped whole.
    const watching = await MixedScene.start({ browsers: ['chromium'] });
    let sleeping;
    const frozen = [];
    try {
      sleeping = await MixedScene.start({ server: watching.server });
      const link = watching.link;
      const [ada] = await watching.join(['Ada', 1]);
      const bo = await sleeping.open('Bo', 2, { in: 'chromium', link });
      await bo.join();
      const fay = await sleeping.open('Fay', 3, { in: 'firefox', link });
      await fay.join();
      await ada.untilSees([bo, fay]);
      for (const member of [ada, bo, fay]) await member.listen();
      const ids = await ada.ids();

      for (const browser of Object.values(sleeping.browsers)) frozen.push(freeze(browser));
      const at = performance.now();
      for (const { states, processes } of frozen) {
        assert.ok(processes > 1, 'only one process was found');
        await until('every process stands still', 5_000, () => states().every((state) => state === 'T'), states);
      }
      await until('both are missed', 120_000, async () => (await ada.others()).length === 0, () => ada.describe());
      t.diagnostic(`missed after ${Math.round((performance.now() - at) / 1000)} s`);
      await pause(STOPPED_MS - (performance.now() - at));
      for (const { thaw } of frozen) thaw();
      const awake = performance.now();

      for (const member of [bo, fay]) {
        const state = await until(
          `${member.name} is in the call, or at a page that says why not`,
          BACK_MS,
          async () => {
            const now = await member.state();
            if (now !== 'call') return now === 'error' || now === 'ended' ? now : null;
            return (await ada.others()).includes(member.name) ? now : null;
          },
          async () => `${await member.describe()}; it was told: ${await member.news()}; Ada sees ${await ada.others()}`,
        );
        const told = await member.news();
        t.diagnostic(`${member.name}: ${state} after ${Math.round((performance.now() - awake) / 1000)} s; told: ${told.join(' | ')}`);
        if (state !== 'call') {
          assert.notEqual((await member.text('error-text')).trim(), '', 'no words for what happened');
          continue;
        }
        const same = (await ada.ids())[member.name] === ids[member.name];
        assert.ok(same || told.some((line) => /somebody new/i.test(line)), `${member.name} is another member for the others and was not told; it was told: ${told}`);
        await Promise.all([ada.untilSees([member]), member.untilSees([ada])]);
        await Promise.all([ada.untilHears([member]), member.untilHears([ada])]);
      }
    } finally {
      for (const { thaw } of frozen) thaw();
      await sleeping?.end();
      await watching.end();
    }
  });

  test('a server that was killed and started: the same members in the same group, and nobody joins', async (t) => {
    const scene = await MixedScene.start();
    try {
      const [ada, fay] = await scene.join(['Ada', 4, { in: 'chromium' }], ['Fay', 5, { in: 'firefox' }]);
      await Promise.all([ada.untilSees([fay]), fay.untilSees([ada])]);
      const number = await ada.safetyNumber();
      assert.equal(await fay.safetyNumber(), number);
      const ids = { ada: await fay.ids(), fay: await ada.ids() };
      for (const member of [ada, fay]) await member.listen();

      await scene.server.kill();
      for (const member of [ada, fay]) await until(`${member.name} is told that the connection is lost`, 15_000, () => member.visible('banner'), () => member.describe());
      await pause(AWAY_MS);
      await scene.server.again();
      const up = performance.now();
      for (const member of [ada, fay]) {
        await until(`${member.name} is connected again`, REATTACH_MS, async () => (await member.state()) === 'call' && !(await member.visible('banner')), () => member.describe());
      }
      await Promise.all([ada.untilSees([fay]), fay.untilSees([ada]), ada.untilHears([fay]), fay.untilHears([ada])]);
      t.diagnostic(`seen and heard again ${Math.round(performance.now() - up)} ms after the server answered`);
      assert.deepEqual({ ada: await fay.ids(), fay: await ada.ids() }, ids, 'other members than before');
      for (const member of [ada, fay]) assert.deepEqual(cameOrWent(await member.news()), [], `${member.name} was told of somebody coming or going`);
      // The number belongs to the epoch: any join, leave or re-add would have changed it.
      assert.equal(await ada.safetyNumber(), number);
      assert.equal(await fay.safetyNumber(), number);
      await fay.say('still here');
      await ada.untilReads('Fay', 'still here');
      // Who comes now finds that call, and not a new one.
      const gil = await scene.open('Gil', 6);
      await gil.join();
      await gil.untilOthers(['Ada', 'Fay']);
    } finally {
      await scene.end();
    }
  });
});
