// The server as `./x serve` starts it, with nothing said about addresses, and Firefox as people have it: it sends no media to a
// loopback address, so this works only because media is taken at the machine's own address as well.
import { after, before, test } from 'node:test';
import { MixedScene } from '../lib/mixed.mjs';
import { Server } from '../lib/server.mjs';

let server;
let scene;
before(async () => {
  server = await Server.start({ plain: true });
  scene = await MixedScene.start({ server, prefs: { 'media.peerconnection.ice.loopback': false } });
});
after(async () => {
  await scene?.end();
  await server?.stop();
});

test('Chromium and Firefox meet on a server that was told nothing about its addresses', async () => {
  const [ada, fay] = await scene.join(['Ada', 1, { in: 'chromium' }], ['Fay', 2, { in: 'firefox' }]);
  await Promise.all([ada.untilSees([fay]), fay.untilSees([ada])]);
  await Promise.all([ada.untilHears([fay]), fay.untilHears([ada])]);
});
