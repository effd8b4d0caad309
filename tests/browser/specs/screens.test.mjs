// Every screen of a call that anybody may begin, as pictures; those of a call with a host are in screens-hosted.test.mjs.
import { after, before, test } from 'node:test';
import { Scene } from '../lib/call.mjs';
import { cut } from '../lib/link.mjs';
import { photograph } from '../lib/photograph.mjs';

let scene;
before(async () => {
  scene = await Scene.start();
});
after(() => scene?.end());

test('the door: landing page, broken link, join page', async () => {
  const visitor = await scene.open('Visitor', 8, { link: `${scene.server.origin}/` });
  await visitor.untilState('welcome');
  await photograph(visitor, 'welcome');
  await visitor.close();
  const lost = await scene.open('Lost', 8, { link: cut(scene.link) });
  await lost.untilState('error');
  await photograph(lost, 'broken-link');
  await lost.close();
  const bare = await scene.open('Bare', 7, { denied: true });
  await bare.fillName();
  await photograph(bare, 'join-refused');
  await bare.close();
});

test('a tab loaded again: with a place to take back, and without', async () => {
  const kept = await scene.open('Kai', 5);
  await kept.fillName();
  await kept.click('keep-place');
  await photograph(kept, 'join-keeping');
  await kept.join();
  await kept.page.reload();
  await kept.untilState('welcome');
  await photograph(kept, 'welcome-kept');
  await kept.paste(scene.link);
  await photograph(kept, 'join-back');
  await kept.page.locator('[data-test=name-input]').fill('Kai');
  await kept.click('take-back');
  await kept.untilState('call');
  await kept.click('leave');
  await kept.untilState('ended');
  await kept.close();
  const lost = await scene.open('Lou', 6);
  await lost.join();
  await lost.page.reload();
  await lost.untilState('welcome');
  await photograph(lost, 'welcome-lost');
  await lost.paste(scene.link);
  await photograph(lost, 'join-lost');
  await lost.close();
});

test('the call, with its panels, and the end', async () => {
  const ada = await scene.open('Ada', 1);
  await ada.fillName();
  await photograph(ada, 'join');
  await ada.join();
  await photograph(ada, 'call-alone');
  const [bo, cy] = await scene.join(['Bo Lindqvist', 2], ['Ch\u00e2u \u0110\u1ed7', 3]);
  await ada.untilSees([bo, cy]);
  await photograph(ada, 'call');
  await bo.say('Good evening! Can everybody see the agenda?');
  await ada.say('Yes, and a rather long line, so that it has to be broken somewhere in the middle of the panel.');
  await ada.untilReads(bo.name, 'Good evening! Can everybody see the agenda?');
  await photograph(ada, 'chat');
  await ada.people();
  await photograph(ada, 'people');
  await ada.safetyNumber();
  await photograph(ada, 'safety-number');
  await bo.click('screen');
  await ada.untilSees([bo], { kind: 'screen' });
  await ada.hide('safety-show');
  await photograph(ada, 'screen-share');
  await ada.click('leave');
  await ada.untilState('ended');
  await photograph(ada, 'ended');
});
