// At the door: people without devices get in and are told; broken links get words; wrong secrets get nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { checkLink, cut, mistyped, ofNoRoom, withOtherSecret } from '../lib/link.mjs';
import { until } from '../lib/until.mjs';

let scene;
let ada;
before(async () => {
  scene = await Scene.start();
  [ada] = await scene.join(['Ada', 1]);
});
after(() => scene?.end());

test('the link that the command line prints is the one of the protocol page', () => checkLink(scene.link));

for (const [what, id, options] of [
  ['without a camera', 2, { camera: false }],
  ['without a microphone', 3, { microphone: false }],
  ['with neither', 4, { camera: false, microphone: false }],
  ['with permission refused', 5, { denied: true }],
]) {
  test(`${what} one can join, is told, and sees and hears`, async () => {
    const member = await scene.open(`No${id}`, id, options);
    await member.untilState('join');
    await until('the notice about devices', 10_000, async () => (await member.text('device-notice')).trim() !== '', () => member.describe());
    await member.join();
    await member.untilSees([ada]);
    await member.untilHears([ada]);
    await ada.untilOthers([member.name], 15_000);
    if (options.camera !== false && !options.denied) await ada.untilSees([member]);
    if (options.microphone !== false && !options.denied) await ada.untilHears([member]);
    await member.click('leave');
    await member.untilState('ended');
    await ada.untilOthers([], 15_000);
    await member.close();
  });
}

/** Opens a link and returns the state and words it ends in; joins if there is a page to join on. */
async function words(link) {
  const member = await scene.open('Mallory', 6, { link });
  try {
    const state = await until('a page that says something', 15_000, async () => {
      const now = await member.state();
      return now !== null && now !== 'loading' ? now : null;
    });
    if (state === 'join') {
      await member.fillName();
      await member.click('join');
      await until('the door answers', 20_000, async () => ['error', 'ended'].includes(await member.state()), () => member.describe());
    }
    const text = await member.text('error-text');
    return { state: await member.state(), text: text.trim(), tiles: (await member.tiles()).length };
  } finally {
    await member.close();
  }
}

test('a wrong secret for the right room gets nothing, in the same words as a room that does not exist', async () => {
  const people = await ada.people();
  const wrong = await words(withOtherSecret(scene.link));
  const nowhere = await words(ofNoRoom(scene.link));
  assert.ok(['error', 'ended'].includes(wrong.state), `state ${wrong.state}`);
  assert.equal(wrong.tiles, 0);
  assert.notEqual(wrong.text, '');
  assert.deepEqual([wrong.state, wrong.text], [nowhere.state, nowhere.text]);
  assert.deepEqual(await ada.people(), people);
  assert.deepEqual(await ada.others(), []);
});

test('the right secret does get in: the test above can fail', async () => {
  const member = await scene.open('Eve', 7);
  await member.join();
  await member.untilSees([ada]);
  await member.close();
});

test('cut, mistyped and meaningless links each have words of their own', async () => {
  const origin = `${scene.server.origin}/`;
  const texts = new Set();
  for (const link of [cut(scene.link), mistyped(scene.link), `${origin}#nonsense`]) {
    const { state, text, tiles } = await words(link);
    assert.equal(state, 'error', `${state} for a broken link`);
    assert.ok(text.length > 20, `no words for a broken link: "${text}"`);
    assert.equal(tiles, 0);
    texts.add(text);
  }
  assert.equal(texts.size, 3, 'cut, mistyped and meaningless links share a text');
});

test('without a link there is a page that takes one', async () => {
  const member = await scene.open('Fay', 8, { link: `${scene.server.origin}/` });
  await member.untilState('welcome');
  await member.page.locator('[data-test=link-input]').fill(scene.link);
  await member.click('link-open');
  await member.untilState('join');
  assert.equal(new URL(member.page.url()).hash, '');
  await member.close();
});

test('when the server goes away, the page says so', async () => {
  const other = await Scene.start();
  try {
    const member = await other.open('Gil', 2);
    await member.untilState('join');
    await other.server.stop();
    await member.fillName();
    await member.click('join');
    await until('the page says something', 60_000, async () => (await member.state()) === 'error' || (await member.visible('banner')), () => member.describe());
  } finally {
    await other.browser.close();
  }
});
