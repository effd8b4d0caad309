// A browser that plays no sound before the person has touched the page: the call says so, and one tap is enough.
//
// Joining is a click, and after a click every browser plays. So here the page joins by itself, as no person could, in a
// Chromium with its usual policy; and everything before the tap looks at the page without the gestures that the driver
// otherwise claims to have made.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { until } from '../lib/until.mjs';

let scene;
let ada;
before(async () => {
  scene = await Scene.start();
  [ada] = await scene.join(['Ada', 1]);
});
after(() => scene?.end());

/** Runs in the page: gives a name and sends the form, without any input of a person. */
const joinByItself = () => {
  let done = false;
  new MutationObserver(() => {
    const field = document.querySelector('[data-test=name-input]');
    const button = document.querySelector('[data-test=join]');
    if (done || field === null || document.querySelector('main')?.dataset.state !== 'join') return;
    if (field.value === '') {
      field.value = 'Bo';
      field.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (!button.disabled) {
      done = true;
      field.form.requestSubmit(button);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true });
};

test('sound that the browser holds back is asked for, and plays after one tap', async () => {
  const bo = await scene.open('Bo', 2, { before: (page) => page.evaluateOnNewDocument(joinByItself) });
  const devtools = await bo.page.createCDPSession();
  const look = async (expression) => (await devtools.send('Runtime.evaluate', { expression, userGesture: false, returnByValue: true })).result.value;
  await until('the call says that the sound is held back', 30_000, () => look("document.querySelector('[data-test=play-sound]') !== null"));
  assert.equal(await look('navigator.userActivation.hasBeenActive'), false, 'the page was touched: this test shows nothing');
  const playing = "[...document.querySelectorAll('audio[data-test=tile-audio]')].filter((audio) => !audio.paused && audio.srcObject?.getAudioTracks().length > 0).length";
  assert.equal(await look(playing), 0, 'sound plays without a tap');
  assert.match(await look("document.querySelector('[data-test=play-sound]').innerText"), /tap to hear/i);
  await bo.click('play-sound');
  await bo.untilHears([ada]);
  assert.equal(await bo.visible('play-sound'), false, 'the tap is still asked for');
  await bo.untilSees([ada]);
});

test('after a click on Join nothing needs to be tapped', async () => {
  const cy = await scene.open('Cy', 3);
  await cy.join();
  await cy.untilHears([ada]);
  assert.equal(await cy.visible('play-sound'), false);
});
