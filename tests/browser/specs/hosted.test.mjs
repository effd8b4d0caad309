// A room with a host, in both browsers: asking to join, deciding, and being told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HostedScene, about, giveCredential, keepWorkers, knock, person, rule, setRule, smuggle, untilDoor, untilKnocks, untilTold, waitingCode } from '../lib/hosted.mjs';
import { until } from '../lib/until.mjs';

const MICROPHONE = 1;
const CAMERA = 2;

let scene;
before(async () => {
  scene = await HostedScene.start();
});
after(() => scene?.end());

const endsAs = async (member, code, state = 'ended') => {
  await member.untilState(state, 15_000);
  assert.equal(await member.page.evaluate(() => document.querySelector('main').dataset.code), code, await member.describe());
};
const silent = async (listener, name) => (await listener.sounds()).every((sound) => sound.name !== name || sound.tone === null);
const unseen = async (viewer, name) => (await viewer.tiles()).every((tile) => tile.name !== name || tile.word === null);
const state = (member, test) => member.page.evaluate((selector) => ({ why: document.querySelector(selector)?.ariaDisabled, pressed: document.querySelector(selector)?.ariaPressed }), `[data-test=${test}]`);

test('nobody is in before a host; then the host sees name and code of each, the same as on their screens, and decides', async () => {
  await scene.otherRoom();
  const early = await scene.open('Grace', 2, { in: 'firefox' });
  await early.fillName();
  await early.click('join');
  await untilDoor(early, 'noCall');
  const host = await scene.host('Hope', 1);
  await untilDoor(early, 'asked');
  const second = await scene.asking('Mallory', 3);
  // The list is closed: a line above the pictures says it.
  await until('the host is told that two ask', 15_000, async () => /2 people ask/.test(await host.text('asks')), () => host.describe());
  const seen = await untilKnocks(host, ['Grace', 'Mallory']);
  for (const guest of [early, second]) {
    assert.equal(await waitingCode(guest), seen.find(({ name }) => name === guest.name).code, 'the codes differ');
  }
  await knock(host, 'Mallory', 'refuse');
  await endsAs(second, 'refused');
  await knock(host, 'Grace', 'admit');
  await early.untilState('call', 20_000);
  await host.untilSees([early]);
  await early.untilSees([host]);
  assert.deepEqual(await person(early, 'Hope'), { role: 'host', muted: 0 });
  assert.equal((await person(host, 'Grace')).role, 'guest');
  await untilTold(host, /Grace joined/);
  assert.ok(!(await early.visible('no-host')), 'a host is here, and the page says that none is');
  // The guest may read the rules, and is told why they cannot be turned.
  assert.equal(await rule(early, 'rule-lobby'), true);
  await early.click('rule-lobby');
  await early.click('screen');
  await untilTold(early, /Guests may not share a screen/);
  assert.equal(await rule(host, 'rule-lobby'), true);
  await Promise.all([second, early, host].map((member) => member.close()));
});

test('a key of another room, or a broken one, is told before joining; the key alone opens the room from the start page', async () => {
  const other = scene.room;
  await scene.otherRoom();
  const host = await scene.open('Hope', 1);
  await host.fillName();
  await giveCredential(host, other.host_credential);
  await until('told of the other room', 5_000, async () => /another room/.test(await host.text('owner-fault')), () => host.describe());
  await host.page.locator('[data-test=owner-input]').fill(scene.room.host_credential.slice(0, -7));
  await until('told of the cut key', 5_000, async () => /missing|damaged/.test(await host.text('owner-fault')), () => host.describe());
  await host.close();
  const by = await scene.open('Hope', 1, { link: `${scene.server.origin}/` });
  await by.untilState('welcome');
  await by.page.locator('[data-test=link-input]').fill(scene.room.deed);
  await by.click('link-open');
  await until('told that a deed alone names no room', 5_000, async () => /deed/.test(await by.text('owner-fault')), () => by.describe());
  await by.paste(scene.room.host_credential);
  await by.fillName();
  assert.ok(await by.visible('owner-good'));
  await by.click('join');
  await by.untilState('call');
  await by.show('room', 'own-role');
  assert.equal(await by.page.evaluate(() => document.querySelector('[data-test=own-role]').dataset.role), 'host');
  assert.equal(await by.page.evaluate(() => location.href), `${scene.server.origin}/`);
  // In an address it opens nothing: the browser keeps that, and the page says so.
  const wrong = await scene.open('Hope', 1, { link: `${scene.server.origin}/#${scene.room.host_credential}` });
  await endsAs(wrong, 'credential', 'error');
  await Promise.all([by.close(), wrong.close()]);
});

test('who is muted is neither heard nor seen by anybody, is told, and may again when the host says so', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1);
  const mallory = await scene.guest(host, 'Mallory', 2);
  const ada = await scene.guest(host, 'Ada', 3, { in: 'firefox' });
  await Promise.all([ada.untilSees([mallory]), ada.untilHears([mallory])]);
  await about(host, 'Mallory', 'mute-microphone');
  await untilTold(mallory, /You were muted/);
  await until('Ada hears nothing of it', 10_000, () => silent(ada, 'Mallory'), () => ada.describe());
  assert.deepEqual(await state(mallory, 'mic'), { why: 'true', pressed: 'false' });
  await ada.untilSees([mallory]);
  await about(host, 'Mallory', 'mute-camera');
  await until('Ada sees nothing of it', 10_000, () => unseen(ada, 'Mallory'), () => ada.describe());
  assert.equal((await person(ada, 'Mallory')).muted & (MICROPHONE | CAMERA), MICROPHONE | CAMERA);
  // Pressing the buttons only tells why.
  await mallory.click('mic');
  await mallory.click('cam');
  await untilTold(mallory, /camera was switched off for everybody/);
  assert.ok((await silent(ada, 'Mallory')) && (await unseen(ada, 'Mallory')));
  await about(host, 'Mallory', 'mute-microphone');
  await about(host, 'Mallory', 'mute-camera');
  await untilTold(mallory, /You may speak again/);
  await untilTold(mallory, /You may show your camera again/);
  await mallory.click('mic');
  await mallory.click('cam');
  await Promise.all([ada.untilSees([mallory]), ada.untilHears([mallory])]);
  // All at once, and one of them has the word back.
  await host.show('room', 'mute-all');
  await host.click('mute-all');
  await until('no guest is heard', 10_000, async () => (await silent(host, 'Mallory')) && (await silent(host, 'Ada')), () => host.describe());
  await about(host, 'Ada', 'mute-microphone');
  await untilTold(ada, /You may speak again/);
  await ada.click('mic');
  await host.untilHears([ada]);
  assert.ok(await silent(host, 'Mallory'));
  await Promise.all([host, mallory, ada].map((member) => member.close()));
});

test('removed for good: told so, without a place, and back at the door by the same link, though nobody had to ask before', async () => {
  await scene.otherRoom({ lobby: false });
  const host = await scene.host('Hope', 1);
  const [mallory, ada] = await scene.join(['Mallory', 2], ['Ada', 3]);
  await host.untilOthers(['Ada', 'Mallory'], 15_000);
  await about(host, 'Ada', 'remove');
  await endsAs(ada, 'removed');
  // Whoever was only removed may come back as somebody new.
  await ada.click('again');
  await ada.join();
  await about(host, 'Mallory', 'ban');
  await endsAs(mallory, 'barred');
  assert.ok(!(await mallory.visible('again')));
  await host.untilOthers(['Ada'], 10_000);
  await untilTold(ada, /Mallory was removed/);
  const back = await scene.asking('Mallory', 2);
  await untilKnocks(host, ['Mallory']);
  await ada.untilOthers(['Hope'], 5_000);
  await Promise.all([host, mallory, ada, back].map((member) => member.close()));
});

test('a moderator appointed in the call lets in, mutes and removes when the host has left; the host is asked once before leaving', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1);
  const grace = await scene.guest(host, 'Grace', 2);
  const mallory = await scene.guest(host, 'Mallory', 3);
  await host.click('leave');
  await until('the host is told what leaving would mean', 5_000, async () => /Nobody else here/.test(await host.text('leaving-text')), () => host.describe());
  await host.click('leave-hand');
  await about(host, 'Grace', 'appoint');
  await untilTold(grace, /You are a moderator/);
  await until('all see who moderates', 10_000, async () => (await person(mallory, 'Grace')).role === 'moderator', () => mallory.describe());
  await host.click('leave');
  await host.click('leave-yes');
  await host.untilState('ended');
  await grace.untilOthers(['Mallory'], 15_000);
  await until('the page says that no host is here', 10_000, () => mallory.visible('no-host'), () => mallory.describe());
  const edsger = await scene.guest(grace, 'Edsger', 4);
  await about(grace, 'Mallory', 'mute-microphone');
  await until('muted by the moderator', 10_000, () => silent(edsger, 'Mallory'), () => edsger.describe());
  await about(grace, 'Mallory', 'remove');
  await endsAs(mallory, 'removed');
  await edsger.untilOthers(['Grace'], 10_000);
  await Promise.all([host, grace, mallory, edsger].map((member) => member.close()));
});

test('guests decide nothing, whatever they give their own core; locked, the door says so; the end for all is asked once', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1);
  const ada = await scene.guest(host, 'Ada', 2, { in: 'firefox' });
  const mallory = await scene.guest(host, 'Mallory', 3, { before: keepWorkers });
  await mallory.untilOthers(['Ada', 'Hope'], 15_000);
  const asks = await scene.asking('Edsger', 4);
  const ids = await mallory.ids();
  await untilKnocks(host, ['Edsger']);
  for (const intent of [
    { t: 'admitAll' },
    { t: 'remove', member: ids.Ada, bar: true },
    { t: 'remove', member: ids.Hope, bar: false },
    { t: 'muteMember', member: ids.Ada, kinds: 31, on: true },
    { t: 'muteAll', kinds: 31, on: true },
    { t: 'appoint', member: ids.Ada },
    { t: 'guests', allowed: 31 },
    { t: 'lobby', on: false },
    { t: 'lock', on: true },
    { t: 'endForAll' },
  ]) {
    await smuggle(mallory, intent);
  }
  // What this core does say is heard: the inputs above did arrive in it.
  await smuggle(mallory, { t: 'chat', text: 'still here' });
  await ada.untilReads('Mallory', 'still here');
  assert.equal(await rule(host, 'rule-lobby'), true);
  assert.equal(await rule(host, 'rule-locked'), false);
  assert.equal(await rule(host, 'guests-screen'), false);
  assert.equal((await person(host, 'Ada')).muted & MICROPHONE, 0);
  await host.untilOthers(['Ada', 'Mallory'], 5_000);
  await untilDoor(asks, 'asked');
  // Locked, the host is no longer asked, and who waits knows why.
  await setRule(host, 'rule-locked', true);
  await untilDoor(asks, 'locked', 10_000);
  await untilKnocks(host, []);
  await setRule(host, 'rule-locked', false);
  await untilDoor(asks, 'asked', 10_000);
  await untilKnocks(host, ['Edsger']);
  await host.show('room', 'end');
  await host.click('end');
  await host.untilOthers(['Ada', 'Mallory'], 5_000);
  await host.click('end-yes');
  for (const member of [host, ada, mallory]) await endsAs(member, 'endedByHost');
  // The next knock, every twenty seconds, finds no call.
  await untilDoor(asks, 'noCall', 30_000);
  await Promise.all([host, ada, mallory, asks].map((member) => member.close()));
});
