// Every screen of making and keeping a room, as pictures.
import { after, before, test } from 'node:test';
import { HostedScene } from '../lib/hosted.mjs';
import { photograph } from '../lib/photograph.mjs';
import { until } from '../lib/until.mjs';

let scene;
before(async () => {
  scene = await HostedScene.start({ browsers: ['chromium'] });
});
after(() => scene?.end());

test('a ticket, the room that it makes, and a used one', async () => {
  const ticket = await scene.server.makeTicket();
  const organiser = await scene.open('Olga', 1, { link: ticket });
  await organiser.untilState('organise');
  await photograph(organiser, 'organise');
  await organiser.page.locator('[data-test=room-title]').fill('x'.repeat(130));
  await photograph(organiser, 'organise-too-long');
  await organiser.page.locator('[data-test=room-title]').fill('Reading group');
  await organiser.click('make-room');
  await organiser.untilState('made', 20_000);
  await photograph(organiser, 'made');
  await organiser.close();
  const late = await scene.open('Larry', 2, { link: ticket });
  await late.untilState('organise');
  await late.click('begin-anyone');
  await late.click('make-room');
  await until('the ticket is used', 20_000, async () => (await late.text('organise-problem')) !== '', () => late.describe());
  await photograph(late, 'organise-used');
  await late.close();
});

test('a room in its owner\u2019s hands', async () => {
  await scene.otherRoom({ title: 'Reading group' });
  const owner = await scene.open('Olga', 1, { link: `${scene.server.origin}/` });
  await owner.paste(scene.room.host_credential);
  await photograph(owner, 'join-owner-keep');
  await scene.server.run('room', 'limits', String(scene.room.number), '--members', '20');
  await owner.click('owner-keep');
  await until('the room is read', 20_000, () => owner.visible('keep-save'), () => owner.describe());
  await photograph(owner, 'keep');
  await owner.click('keep-delete');
  await photograph(owner, 'keep-delete');
  await owner.click('keep-delete-yes');
  await until('the room is gone', 20_000, () => owner.page.evaluate(() => document.querySelector('[data-room=deleted]') !== null), () => owner.describe());
  await photograph(owner, 'keep-deleted');
  await owner.close();
});
