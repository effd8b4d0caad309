// Two people open the same link at the same moment and find each other in one call.
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';

let scene;
before(async () => {
  scene = await Scene.start();
});
after(() => scene?.end());

test('two who found a call at once end up in one', async () => {
  const [ada, bo] = await Promise.all([scene.open('Ada', 1), scene.open('Bo', 2)]);
  await Promise.all([ada.fillName(), bo.fillName()]);
  await Promise.all([ada.click('join'), bo.click('join')]);
  await Promise.all([ada.untilState('call', 60_000), bo.untilState('call', 60_000)]);
  await Promise.all([ada.untilOthers(['Bo'], 30_000), bo.untilOthers(['Ada'], 30_000)]);
  await Promise.all([ada.untilSees([bo]), bo.untilSees([ada])]);
  await Promise.all([ada.untilHears([bo]), bo.untilHears([ada])]);
});
