// Personal invites, made, used once and taken back in the host's browser; the deed, which gives a host without a credential a new one; and the link,
// changed in the call.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { evilCall } from '../lib/evil-call.mjs';
import { HostedScene, about, giveCredential, rule, setRule, untilKnocks, untilTold } from '../lib/hosted.mjs';
import { until } from '../lib/until.mjs';

/** The first in the order brings the server what the host signed, the next two five seconds after each other; a try of a newcomer takes one more. */
const BROUGHT_MS = 20_000 + 2 * 5_000 + 5_000;

let scene;
before(async () => {
  scene = await HostedScene.start();
});
after(() => scene?.end());

/** For `before` of `Member.open`: what the page copies is kept where the test can read it. */
const keepCopies = (page) => page.evaluateOnNewDocument('navigator.clipboard.writeText = async (text) => { globalThis.__copied = text; };');
const copied = (member) => until('something was copied', 5_000, () => member.page.evaluate(() => globalThis.__copied), () => member.describe());
const made = (member) => member.page.evaluate(() => [...document.querySelectorAll('[data-test=invite]')].map((row) => ({ serial: row.dataset.serial, revoked: row.dataset.revoked === 'true' })));

/** Makes an invite and copies its link, as the host does. */
async function invite(host) {
  await host.show('room', 'invite-make');
  const before = (await made(host)).length;
  await host.page.evaluate(() => {
    globalThis.__copied = undefined;
  });
  await host.click('invite-make');
  await until('the invite is in the list', 10_000, async () => (await made(host)).length > before, () => host.describe());
  await host.click('invite-copy');
  const link = await copied(host);
  assert.match(link, /^http:\/\/localhost:\d+\/#i[A-Za-z0-9_-]+z$/);
  return { link, serial: (await made(host))[0].serial };
}

const endsAs = async (member, code) => {
  await until(`${member.name} is told: ${code}`, 30_000, () => member.page.evaluate((wanted) => document.querySelector('main')?.dataset.code === wanted, code), () => member.describe());
};

test('an invite lets one person in without asking, shows its number to the host, and nobody else in by it', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1, { before: keepCopies });
  const first = await invite(host);
  const grace = await scene.open('Grace', 2, { link: first.link, in: 'firefox' });
  await grace.untilState('join');
  assert.ok(await grace.visible('personal'), 'the page does not say that the link is for one person');
  await grace.join();
  await host.show('people', 'person');
  await until('the number is shown', 10_000, async () => (await host.text('people-list')).includes(first.serial), () => host.describe());
  const second = await scene.open('Mallory', 3, { link: first.link });
  await second.fillName();
  await second.click('join');
  await endsAs(second, 'inviteRefused');
  await host.untilOthers(['Grace'], 5_000);
  // Removed for good, the invite is spent.
  await about(host, 'Grace', 'ban');
  await endsAs(grace, 'barred');
  const back = await scene.open('Grace', 2, { link: first.link });
  await back.fillName();
  await back.click('join');
  await endsAs(back, 'inviteRefused');
  // Taken back before anybody came.
  const other = await invite(host);
  await host.click('invite-revoke');
  await until('it is marked', 5_000, async () => (await made(host))[0].revoked, () => host.describe());
  await until('the rules say so', 10_000, async () => (await rule(host, 'rule-invited')) === true, () => host.describe());
  const late = await scene.open('Bo', 4, { link: other.link });
  await late.fillName();
  await late.click('join');
  await endsAs(late, 'inviteRefused');
  // Where the host wants to see everybody first, whoever is invited asks, and the host sees by which invite.
  await setRule(host, 'rule-invited', false);
  const third = await invite(host);
  const cy = await scene.asking('Cy', 5, { link: third.link });
  await untilKnocks(host, ['Cy']);
  assert.ok((await host.text('knocks')).includes(third.serial));
  await host.click('admit');
  await cy.untilState('call', 20_000);
  await Promise.all([host, grace, second, back, late, cy].map((member) => member.close()));
});

test('the deed beside the link makes a host, and a new credential that is kept and works', async () => {
  await scene.otherRoom();
  const owner = await scene.open('Hope', 1, { before: keepCopies });
  await owner.fillName();
  await giveCredential(owner, scene.room.deed);
  await until('the deed is taken', 10_000, () => owner.visible('owner-good'), () => owner.describe());
  await owner.click('join');
  await owner.untilState('call', 60_000);
  await until('the new credential is offered', 10_000, () => owner.visible('new-credential'), () => owner.describe());
  await owner.click('credential-copy');
  const text = await copied(owner);
  assert.match(text, /^conclave-host1:/);
  assert.notEqual(text, scene.room.host_credential);
  await owner.click('credential-kept');
  await until('it is put away', 5_000, async () => !(await owner.visible('new-credential')), () => owner.describe());
  scene.room = { ...scene.room, host_credential: text };
  const again = await scene.host('Hope two', 2);
  await until('two hosts', 10_000, async () => {
    await owner.show('people', 'person');
    return owner.page.evaluate(() => [...document.querySelectorAll('[data-test=person]')].filter((line) => line.dataset.role === 'host').length === 2);
  }, () => owner.describe());
  await Promise.all([owner, again].map((member) => member.close()));
});

test('the link is changed: those inside stay and have the new one, the old one opens nothing, the host has a new credential', async () => {
  await scene.otherRoom();
  const host = await scene.host('Hope', 1, { before: keepCopies });
  const ada = await scene.guest(host, 'Ada', 2, { in: 'firefox', before: keepCopies });
  await ada.untilSees([host]);
  await host.show('room', 'change-link');
  await host.click('change-link');
  await host.click('change-link-yes');
  await untilTold(ada, /changed the link/, 20_000);
  await untilTold(host, /The old one opens nothing any more; keep/, 30_000);
  await Promise.all([ada.untilSees([host]), host.untilSees([ada])]);
  const late = await scene.open('Mallory', 3);
  await late.fillName();
  await late.click('join');
  await endsAs(late, 'notAllowed');
  // A guest's page has the new link, and so does the host's new credential.
  await ada.show('people', 'copy-link');
  await ada.click('copy-link');
  const link = await copied(ada);
  assert.match(link, /^http:\/\/localhost:\d+\/#g[A-Za-z0-9_-]+z$/);
  assert.notEqual(link, scene.link);
  scene.link = link;
  const bo = await scene.guest(host, 'Bo', 4);
  await bo.untilSees([ada, host]);
  await host.click('credential-copy');
  const owner = await scene.open('Hope two', 5, { link: `${scene.server.origin}/` });
  await owner.paste(await copied(host));
  await owner.fillName();
  await owner.click('join');
  await owner.untilState('call', 30_000);
  await owner.untilOthers(['Ada', 'Bo', 'Hope'], 15_000);
  await Promise.all([host, ada, late, bo, owner].map((member) => member.close()));
});

test('the only host crashes before the server knows the new link: the others bring it, and newcomers come in by it', async () => {
  await evilCall(scene.browsers, [['Hope', 1], ['Ada', 2, { in: 'firefox', before: keepCopies }], ['Bo', 3]], {}, async ({ evil, scene: call, members: [host, ada, bo] }) => {
    const [old, enters] = [call.link, async (name, link) => {
      const member = await call.open(name, 4, { link, before: evil.knows(name) });
      await member.fillName();
      await member.click('join');
      await until(`${name} is in or refused`, 20_000, async () => (await member.state()) === 'call' || (await member.page.evaluate(() => document.querySelector('main')?.dataset.code === 'notAllowed')), () => member.describe());
      const inside = (await member.state()) === 'call';
      if (!inside) await member.close();
      return inside ? member : null;
    }];
    // The host waits for a word of Bo's in the new epoch before the server is told.
    evil.withholds = ({ down, who, from, kind }) => down && who === 'Hope' && from === 'Bo' && kind === 'message';
    await host.show('room', 'change-link');
    await host.click('change-link');
    await host.click('change-link-yes');
    await untilTold(ada, /changed the link/, 10_000);
    const since = performance.now();
    await host.kill();
    evil.withholds = null;
    await ada.show('people', 'copy-link');
    await ada.click('copy-link');
    const link = await copied(ada);
    assert.notEqual(link, old);
    assert.equal(await enters('Early', link), null, 'the server knows already: this shows nothing');
    const late = await until('somebody comes in by the new link', BROUGHT_MS + 10_000, () => enters('Late', link), () => ada.describe());
    assert.ok(performance.now() - since < BROUGHT_MS + 10_000);
    await late.untilSees([ada, bo]);
    await ada.untilSees([late]);
    assert.equal(await enters('Mallory', old), null, 'the old link still opens the room');
  });
});
