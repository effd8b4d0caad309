// A tab that is loaded again, with and without the box that keeps the place: in both browsers, in a call with somebody who
// watches from Chromium. With it, the same member is back and nobody is said to have come or gone; without it, nothing was
// stored, and the page says why the place is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { until } from '../lib/until.mjs';

/** From the click to being in the call again. Measured: under two seconds on two busy cores; a person would begin to worry after ten. */
const BACK_MS = 10_000;
const ITEM = 'conclave.place';

let scene;
let ada;
before(async () => {
  scene = await MixedScene.start();
  [ada] = await scene.join(['Ada', 1]);
});
after(() => scene?.end());

const expiry = async (member) => JSON.parse((await member.stored())[ITEM] ?? '{}').until - (await member.page.evaluate(() => Date.now()));

/** Loads the page again and opens the link in it. */
async function reload(member, { note }) {
  await member.page.reload();
  await member.untilState('welcome');
  assert.match(await member.text('place-note'), note);
  assert.equal(new URL(member.page.url()).hash, '');
  await member.paste(scene.link);
}

for (const [n, browser] of ['chromium', 'firefox'].entries()) {
  test(`${browser}, box ticked: loaded again, it is the same member for the others, who are told of nobody coming or going`, async (t) => {
    const bo = await scene.open(`Bo ${browser}`, 2 + n, { in: browser });
    await bo.fillName();
    assert.deepEqual(await bo.stored(), {}, 'something is stored before the call');
    await bo.click('keep-place');
    await bo.join();
    await ada.untilSees([bo]);
    await until('the place is stored', 10_000, async () => ITEM in (await bo.stored()));
    assert.deepEqual(Object.keys(await bo.stored()), [ITEM], 'more is stored than the one record');
    assert.deepEqual(Object.keys(JSON.parse((await bo.stored())[ITEM])).sort(), ['place', 'until']);
    const left = await expiry(bo);
    assert.ok(left > 100_000 && left <= 120_000, `it is kept for ${left} ms`);
    const before = (await ada.ids())[bo.name];
    await ada.listen();
    await reload(bo, { note: /your place is kept/i });
    assert.match(await bo.page.evaluate(() => document.querySelector('h1').textContent), /you were in this call/i);
    await bo.page.locator('[data-test=name-input]').fill(bo.name);
    const clicked = performance.now();
    await bo.click('take-back');
    await bo.untilState('call', BACK_MS);
    await Promise.all([ada.untilSees([bo]), bo.untilSees([ada]), ada.untilHears([bo]), bo.untilHears([ada])]);
    t.diagnostic(`seen and heard again ${Math.round(performance.now() - clicked)} ms after the click`);
    assert.equal((await ada.ids())[bo.name], before, 'the others see another member');
    assert.deepEqual(await ada.others(), [bo.name]);
    const news = await ada.news();
    assert.deepEqual(news.filter((line) => /joined|left|removed/.test(line)), [], 'somebody came or went');
    assert.equal(await bo.safetyNumber(), await ada.safetyNumber());
    // The box is still ticked, so the place is kept for the next time, and gone when the person leaves.
    await until('the place is stored again', 10_000, async () => ITEM in (await bo.stored()));
    await bo.click('leave');
    await bo.untilState('ended');
    assert.deepEqual(await bo.stored(), {}, 'something stays stored after leaving');
    await ada.untilOthers([], 15_000);
    await bo.close();
  });

  test(`${browser}, box not ticked: nothing is ever stored, and the page loaded again says that the place is lost`, async () => {
    const cy = await scene.open(`Cy ${browser}`, 4 + n, { in: browser });
    await cy.join();
    await ada.untilSees([cy]);
    assert.deepEqual(await cy.stored(), {});
    await reload(cy, { note: /was not kept/i });
    assert.match(await cy.text('place-note'), /was not kept/i);
    assert.equal(await cy.visible('take-back'), false, 'a place is offered that nobody kept');
    // Who loads the page again without the box has left.
    await ada.untilOthers([], 15_000);
    await cy.join();
    await ada.untilSees([cy]);
    await cy.click('leave');
    await cy.untilState('ended');
    await ada.untilOthers([], 15_000);
    await cy.close();
  });
}

test('after two minutes the place is gone, and the page says so', async () => {
  const dee = await scene.open('Dee', 6);
  await dee.fillName();
  await dee.click('keep-place');
  await dee.join();
  await until('the place is stored', 10_000, async () => ITEM in (await dee.stored()));
  await dee.page.reload();
  await dee.untilState('welcome');
  assert.match(await dee.text('place-note'), /your place is kept/i);
  // As if the tab had been away for longer: the record's own end is what counts.
  await dee.page.evaluate((item) => {
    const record = JSON.parse(sessionStorage.getItem(item));
    sessionStorage.setItem(item, JSON.stringify({ ...record, until: Date.now() - 1 }));
  }, ITEM);
  await reload(dee, { note: /two minutes, and they are over/i });
  assert.deepEqual(await dee.stored(), {}, 'an expired record stays');
  assert.equal(await dee.visible('take-back'), false);
  assert.match(await dee.text('place-note'), /two minutes, and they are over/i);
  await dee.close();
});

test('a record that is no place leads in as somebody new, with a word about it', async () => {
  const eve = await scene.open('Eve', 7);
  await eve.untilState('join');
  await eve.page.evaluate((item) => sessionStorage.setItem(item, JSON.stringify({ place: 'AAECAwQFBgcICQ', until: Date.now() + 60_000 })), ITEM);
  await eve.page.reload();
  await eve.untilState('join');
  await eve.page.locator('[data-test=name-input]').fill(eve.name);
  await eve.listen();
  await eve.click('take-back');
  await eve.untilState('call');
  await until('the page says that the place is lost', 10_000, async () => (await eve.news()).some((line) => /could not be taken back/i.test(line)), () => eve.describe());
  await ada.untilSees([eve]);
  await eve.click('leave');
  await eve.untilState('ended');
  await eve.close();
});
