// What most test files start with: a server, a room, a browser; and what they end with.
import { Member } from './member.mjs';
import { Server } from './server.mjs';
import { startChromium } from './chromium.mjs';

export class Scene {
  static async start({ tap = false } = {}) {
    const scene = new Scene();
    scene.members = [];
    try {
      scene.server = await Server.start({ tap });
      scene.room = await scene.server.makeRoom();
      scene.link = scene.room.guest_link;
      scene.browser = await startChromium();
    } catch (error) {
      await scene.end().catch(() => {});
      throw error;
    }
    return scene;
  }

  async open(name, id, options = {}) {
    const member = await Member.open(this.browser, options.link ?? this.link, { ...options, id, name });
    this.members.push(member);
    return member;
  }

  /** Several people, one after another, each in the call before the next one clicks. */
  async join(...people) {
    const joined = [];
    for (const [name, id, options] of people) {
      const member = await this.open(name, id, options);
      await member.join();
      joined.push(member);
    }
    return joined;
  }

  async end() {
    await this.browser?.close();
    await this.server?.stop();
  }
}
