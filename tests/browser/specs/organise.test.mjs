// From a ticket to a meeting, and a room in its owner's hands: without an account, in both browsers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HostedScene, about, giveCredential, knock, person, untilDoor, untilKnocks, untilTold } from '../lib/hosted.mjs';
import { until } from '../lib/until.mjs';

let scene;
before(async () => {
  scene = await HostedScene.start();
});
after(() => scene?.end());

const value = (member, test) => member.page.evaluate((selector) => document.querySelector(selector)?.value ?? '', `[data-test=${test}]`);
const enabled = (member, test) => member.page.evaluate((selector) => !document.querySelector(selector).disabled, `[data-test=${test}]`);
const code = (member, test) => member.page.evaluate((selector) => document.querySelector(selector)?.dataset.code ?? null, `[data-test=${test}]`);

/** Opens a ticket and makes the room; what the owner is given. */
async function make(organiser, { title = '', moderators = 0 } = {}) {
  await organiser.untilState('organise');
  await organiser.page.locator('[data-test=room-title]').fill(title);
  await organiser.page.locator('[data-test=room-moderators]').fill(String(moderators));
  await organiser.click('make-room');
  await organiser.untilState('made', 20_000);
  const keys = await organiser.page.evaluate(() => [...document.querySelectorAll('textarea[data-test^=made-moderator-]')].map((field) => field.value));
  assert.equal(keys.length, moderators);
  return { keys, link: await value(organiser, 'made-link'), credential: await value(organiser, 'made-credential'), deed: await value(organiser, 'made-deed') };
}

test('a ticket becomes a room, its organiser comes in as host, and guests by the link; the ticket then opens nothing', async () => {
  const ticket = await scene.server.makeTicket();
  const organiser = await scene.open('Olga', 1, { link: ticket, in: 'firefox' });
  const made = await make(organiser, { title: 'Choir' });
  assert.match(made.link, new RegExp(`^${scene.server.origin}/#g.*z$`));
  assert.match(made.credential, /^conclave-host1:/);
  assert.match(made.deed, /^conclave-deed1:/);
  // Neither ticket nor key stands in the address or anywhere in the browser's storage.
  assert.equal(await organiser.page.evaluate(() => location.href), `${scene.server.origin}/`);
  assert.deepEqual(await organiser.page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }, document.cookie]), [{}, {}, '']);
  // Nobody goes on without what has to be kept.
  assert.equal(await enabled(organiser, 'enter-made'), false);
  await organiser.click('deed-kept');
  assert.equal(await enabled(organiser, 'enter-made'), false);
  await organiser.click('copy-made-credential');
  await until('the credential is copied', 5_000, () => enabled(organiser, 'enter-made'), () => organiser.describe());
  await organiser.click('enter-made');
  await organiser.fillName();
  assert.ok(await organiser.visible('owner-good'));
  assert.doesNotMatch(await organiser.page.evaluate(() => document.body.innerText), /made on its server/, 'no operator made these keys');
  await organiser.click('join');
  await organiser.untilState('call', 60_000);

  scene.link = made.link;
  const guest = await scene.asking('Grace', 2);
  await untilKnocks(organiser, ['Grace']);
  await knock(organiser, 'Grace', 'admit');
  await guest.untilState('call', 20_000);
  await Promise.all([guest.untilSees([organiser]), organiser.untilSees([guest])]);
  for (const member of [organiser, guest]) assert.equal(await member.text('title'), 'Choir');

  // Used, and never made: one text.
  const unknown = `${scene.server.origin}/#${ticket.split('#')[1]}`;
  const late = await scene.open('Larry', 3, { link: unknown });
  await late.untilState('organise');
  await late.click('make-room');
  await until('told that the ticket is used', 20_000, async () => (await code(late, 'organise-problem')) === 'notAllowed', () => late.describe());
  assert.match(await late.text('organise-problem'), /used already/);
  await Promise.all([organiser, guest, late].map((member) => member.close()));
});

test('a revoked ticket, one of another server and a cut one are told apart', async () => {
  const ticket = await scene.server.makeTicket();
  await scene.server.run('ticket', 'revoke', '1');
  const revoked = await scene.open('Rita', 1, { link: ticket });
  await revoked.untilState('organise');
  await revoked.click('make-room');
  await until('told that the ticket opens nothing', 20_000, async () => (await code(revoked, 'organise-problem')) === 'notAllowed', () => revoked.describe());
  await revoked.close();
  const cut = await scene.open('Rita', 1, { link: ticket.slice(0, -9) });
  await cut.untilState('error');
  assert.equal(await cut.page.evaluate(() => document.querySelector('main').dataset.code), 'cut');
  await cut.close();
});

test('an owner reads and changes the room with the key alone, and deletes it', async () => {
  const maker = await scene.open('Olga', 1, { link: await scene.server.makeTicket() });
  const made = await make(maker, { title: 'Choir' });
  await maker.close();
  const owner = await scene.open('Olga', 1, { link: `${scene.server.origin}/` });
  await owner.paste(made.credential);
  await owner.click('owner-keep');
  await owner.untilState('keep');
  await until('the room is read', 20_000, async () => (await value(owner, 'room-title')) === 'Choir', () => owner.describe());
  // From now on guests come in by themselves.
  await owner.page.locator('[data-test=room-title]').fill('Orchestra');
  await owner.click('room-lobby');
  await owner.click('room-strict');
  await owner.click('keep-save');
  await until('the change is saved', 20_000, async () => /Saved/.test(await owner.text('keep-saved')), () => owner.describe());
  await owner.click('keep-back');
  await owner.fillName();
  await owner.click('join');
  await owner.untilState('call', 60_000);
  scene.link = made.link;
  const guest = await scene.open('Grace', 2, { in: 'firefox' });
  await guest.join();
  await guest.untilOthers(['Olga'], 20_000);

  // Another page of the owner sees what was saved, and ends all.
  const other = await scene.open('Olga', 3, { link: `${scene.server.origin}/` });
  await other.paste(made.credential);
  await other.click('owner-keep');
  await until('the other page reads it', 20_000, async () => (await value(other, 'room-title')) === 'Orchestra', () => other.describe());
  assert.deepEqual(await other.page.evaluate(() => ['room-lobby', 'room-strict'].map((box) => document.querySelector(`[data-test=${box}]`).checked)), [false, true]);
  await other.click('keep-delete');
  await other.click('keep-delete-yes');
  await until('told that it is deleted', 20_000, () => other.page.evaluate(() => document.querySelector('[data-room=deleted]') !== null), () => other.describe());
  // Those in the call look for the room again, and are told that there is none.
  await Promise.all([owner, guest].map((member) => member.untilState('error', 20_000)));
  const late = await scene.open('Larry', 4, { link: made.link });
  await late.fillName();
  await late.click('join');
  await late.untilState('error', 20_000);
  assert.equal(await late.page.evaluate(() => document.querySelector('main').dataset.code), 'notAllowed');
  await Promise.all([owner, guest, other, late].map((member) => member.close()));
});

test('the deed makes another host credential, and the lost one hosts nothing any more', async () => {
  const maker = await scene.open('Olga', 1, { link: await scene.server.makeTicket() });
  const made = await make(maker, { title: 'Choir' });
  await maker.close();
  const owner = await scene.open('Olga', 1, { link: made.link });
  await owner.untilState('join');
  await giveCredential(owner, made.deed);
  await owner.click('owner-keep');
  await owner.click('keep-restore');
  const fresh = await until('another credential is shown', 20_000, () => value(owner, 'keep-credential'), () => owner.describe());
  assert.match(fresh, /^conclave-host1:/);
  assert.notEqual(fresh, made.credential);
  await owner.click('keep-back');
  await owner.fillName();
  await owner.click('join');
  await owner.untilState('call', 60_000);
  // Whoever has the lost one is at the door like anybody else.
  const finder = await scene.open('Finn', 2, { link: made.link });
  await finder.fillName();
  await giveCredential(finder, made.credential);
  await finder.click('join');
  await untilDoor(finder, 'asked');
  await Promise.all([owner, finder].map((member) => member.close()));
});

test('moderators’ keys are made with the room: whoever shows one begins and lets in, until a host takes it away', async () => {
  const organiser = await scene.open('Olga', 1, { link: await scene.server.makeTicket() });
  const made = await make(organiser, { title: 'Choir', moderators: 2 });
  for (const key of made.keys) assert.match(key, /^conclave-moderator1:/);
  assert.notEqual(made.keys[0], made.keys[1]);
  // Nobody with the owner's key is here yet; the key alone opens the room.
  const mona = await scene.open('Mona', 2, { link: `${scene.server.origin}/`, in: 'firefox' });
  await mona.paste(made.keys[0]);
  await mona.fillName();
  assert.match(await mona.text('owner-good'), /moderator/);
  assert.ok(!(await mona.visible('owner-keep')), 'a moderator is offered to change the room');
  await mona.click('join');
  await mona.untilState('call', 60_000);
  scene.link = made.link;
  const grace = await scene.guest(mona, 'Grace', 3);
  await Promise.all([grace.untilSees([mona]), mona.untilSees([grace])]);
  assert.equal((await person(grace, 'Mona')).role, 'moderator');
  assert.ok(!(await mona.visible('not-host')), 'the page says that a key which counts does not');

  await organiser.click('copy-made-credential');
  await organiser.click('deed-kept');
  await until('the credential is copied', 5_000, () => enabled(organiser, 'enter-made'), () => organiser.describe());
  await organiser.click('enter-made');
  await organiser.fillName();
  await organiser.click('join');
  await organiser.untilState('call', 60_000);
  await organiser.untilOthers(['Grace', 'Mona'], 15_000);
  await about(organiser, 'Mona', 'dismiss');
  await untilTold(mona, /no longer a moderator/, 20_000);
  await until('the others see it', 20_000, async () => (await person(grace, 'Mona')).role === 'guest', () => grace.describe());
  assert.ok(await mona.visible('not-host'), 'nothing says that the key counts no more');
  // The page anew, with the same key: at the door like anybody else.
  await mona.close();
  const again = await scene.open('Mona', 2, { link: made.link });
  await again.fillName();
  await giveCredential(again, made.keys[0]);
  await again.click('join');
  await untilDoor(again, 'asked');
  await Promise.all([organiser, grace, again].map((member) => member.close()));
});
