// The search for barriers that every photographed screen goes through (screens*.test.mjs): here it is held against pages that have some.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsFound } from '../lib/axe.mjs';
import { Scene } from '../lib/call.mjs';

let scene;
before(async () => {
  scene = await Scene.start();
});
after(() => scene?.end());

test('a button without a name, text that hardly stands out, a field without a label and a picture without words are found', async () => {
  const visitor = await scene.open('Visitor', 8, { link: `${scene.server.origin}/` });
  await visitor.untilState('welcome');
  assert.deepEqual(await faultsFound(visitor.page), []);
  await visitor.page.evaluate(() => {
    const add = (tag, change) => document.querySelector('main').append(Object.assign(document.createElement(tag), change));
    add('button', { type: 'button' });
    add('input', { type: 'text' });
    add('img', { src: '/assets/none.svg' });
    const pale = document.createElement('p');
    pale.textContent = 'hardly to be read';
    pale.style.cssText = 'color: #999; background: #fff';
    document.querySelector('main').append(pale);
  });
  const found = (await faultsFound(visitor.page)).map((fault) => fault.split(':')[0]).sort();
  assert.deepEqual(found, ['button-name', 'color-contrast', 'image-alt', 'label']);
  await visitor.close();
});
