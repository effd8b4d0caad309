// Firefox beside Chromium in one call, in both directions, through the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { until } from '../lib/until.mjs';

let scene;
let [ada, fay, finn] = [];

before(async () => {
  scene = await MixedScene.start();
});
after(async () => {
  await scene?.end();
});

test('Chromium and Firefox see and hear each other, each under the right name', async () => {
  [ada, fay] = await scene.join(['Ada', 1, { in: 'chromium' }], ['Fay', 2, { in: 'firefox' }]);
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada])]);
  await Promise.all([ada.untilHears([fay]), fay.untilHears([ada])]);
  await Promise.all([ada.untilOthers(['Fay']), fay.untilOthers(['Ada'])]);
});
