// What people are told when something may not be as it should, and comparing the number with everybody.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HostedScene, untilTold } from '../lib/hosted.mjs';
import { until } from '../lib/until.mjs';

/** A member not heard for so long is named: the protocol page's twenty seconds, and time for others to be busy. */
const SILENT_MS = 20_000 + 10_000;

let scene;
before(async () => {
  scene = await HostedScene.start();
});
after(() => scene?.end());

const digits = (text) => /\d{5} \d{5} \d{5} \d{5}/.exec(text.replace(/\s+/g, ' '))?.[0] ?? null;
const compared = (member) =>
  until(`${member.name} is shown the number to compare`, 20_000, async () => digits(await member.text('compared-number')), () => member.describe());

test('compare now: everybody is shown one number at once, which is the safety number of each; guests are told who may ask for it', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1);
  const ada = await scene.guest(host, 'Ada', 2, { in: 'firefox' });
  const bo = await scene.guest(host, 'Bo', 3);
  await ada.untilOthers(['Bo', 'Hope'], 15_000);
  await bo.show('safety-show', 'compare-now');
  await bo.click('compare-now');
  await untilTold(bo, /Only hosts and moderators/);
  assert.ok(!(await ada.visible('comparing')));
  const number = await host.safetyNumber();
  await host.click('compare-now');
  assert.deepEqual(await Promise.all([host, ada, bo].map(compared)), [number, number, number]);
  assert.match(await ada.text('comparing'), /Hope/);
  assert.equal(await ada.safetyNumber(), number);
  // Whoever goes changes the number: all are told, and the old one is gone from the screen.
  await bo.click('leave');
  await bo.untilState('ended');
  await untilTold(ada, /the number that was compared counts no more/);
  assert.ok(!(await ada.visible('comparing')));
  await Promise.all([host, ada, bo].map((member) => member.close()));
});

test('somebody who falls silent is named; a server that allows less than the owner signed is, too', async () => {
  await scene.otherRoom();
  const rooms = JSON.parse(await scene.server.run('room', 'list', '--json'));
  const newest = String(Math.max(...rooms.map(({ number }) => number)));
  await scene.server.run('room', 'limits', newest, '--members', '12');
  const host = await scene.host('Hope', 1);
  const ada = await scene.guest(host, 'Ada', 2);
  await until('the lower limit is said', 15_000, async () => /12 of 250 people/.test(await host.text('alarm-less')), () => host.describe());
  assert.match(await ada.text('alarm-less'), /12 of 250 people/);
  const bo = await scene.guest(host, 'Bo', 3);
  await host.untilOthers(['Ada', 'Bo'], 15_000);
  await bo.kill();
  // Each member looks by its own clock: they do not see it in one moment.
  for (const member of [host, ada]) await until('the silent one is named', SILENT_MS, async () => /Bo/.test(await member.text('alarm-silent')), () => member.describe());
  assert.ok(!(await host.visible('alarm-digestsDiffer')));
  await Promise.all([host, ada].map((member) => member.close()));
});
