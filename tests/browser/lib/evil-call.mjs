// A call behind a relay of its own that plays the evil part of the server's.
import { HostedScene } from './hosted.mjs';
import { Withholding } from './withholding.mjs';

/** `people` are [name, id, options], the first one is the host; `work` gets { evil, scene, members }. */
export async function evilCall(browsers, people, room, work) {
  const evil = await Withholding.start();
  const scene = Object.assign(new HostedScene(), { server: evil.server, browsers, members: [] });
  try {
    await scene.otherRoom({ lobby: false, ...room });
    const before = (name, also) => async (page) => {
      await evil.knows(name)(page);
      await also?.(page);
    };
    const [[host, id, options], ...others] = people.map(([name, n, more]) => [name, n, { ...more, before: before(name, more?.before) }]);
    const members = [await scene.host(host, id, options), ...(await scene.join(...others))];
    const names = people.map(([name]) => name);
    await Promise.all(members.map((member) => member.untilOthers(names.filter((name) => name !== member.name), 20_000)));
    await work({ evil, scene, members });
  } finally {
    await Promise.all(scene.members.map((member) => member.close().catch(() => {})));
    await evil.stop();
  }
}
