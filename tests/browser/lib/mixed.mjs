// A call in which some members sit in Firefox. The same scene as `call.mjs`, with a second browser beside the first.
import { Member } from './member.mjs';
import { Scene } from './call.mjs';
import { Server } from './server.mjs';
import { startChromium } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';

export class MixedScene extends Scene {
  /**
   * `browsers`: which ones to start. `server`: one that runs already, and then is the caller's to stop. `prefs`: Firefox's, beside
   * those that all tests need.
   */
  static async start({ browsers = ['chromium', 'firefox'], server, prefs } = {}) {
    const scene = new MixedScene();
    scene.members = [];
    scene.browsers = {};
    scene.borrowed = server !== undefined;
    try {
      scene.server = server ?? (await Server.start());
      scene.room = await scene.server.makeRoom();
      scene.link = scene.room.guest_link;
      for (const name of browsers) scene.browsers[name] = await (name === 'firefox' ? startFirefox(prefs) : startChromium());
      scene.browser = scene.browsers.chromium;
    } catch (error) {
      await scene.end().catch(() => {});
      throw error;
    }
    return scene;
  }

  /** Options as for `Member.open`, and `in`: 'chromium' or 'firefox'. */
  async open(name, id, options = {}) {
    const member = await Member.open(this.browsers[options.in ?? 'chromium'], options.link ?? this.link, { ...options, id, name });
    this.members.push(member);
    return member;
  }

  async end() {
    for (const browser of Object.values(this.browsers)) await browser.close();
    if (!this.borrowed) await this.server?.stop();
  }
}
