// A room with a host: joining by the owner's key, asking to join, letting in. Only through what is on the screen.
import { MixedScene } from './mixed.mjs';
import { until } from './until.mjs';

export class HostedScene extends MixedScene {
  static async start(options) {
    const scene = await MixedScene.start(options);
    Object.setPrototypeOf(scene, HostedScene.prototype);
    return scene.otherRoom().catch(async (error) => {
      await scene.end().catch(() => {});
      throw error;
    });
  }

  /** Goes on in a fresh room of the same server. */
  async otherRoom(room = {}) {
    this.room = await this.server.makeRoom({ begin: 'host', ...room });
    this.link = this.room.guest_link;
    return this;
  }

  /** Into the call by the owner's key, pasted on the join page. */
  async host(name, id, options = {}) {
    const host = await this.open(name, id, options);
    await host.fillName();
    await giveCredential(host, this.room.host_credential);
    await host.click('join');
    await host.untilState('call', 60_000);
    return host;
  }

  /** At the door: has asked, and waits. */
  async asking(name, id, options = {}) {
    const guest = await this.open(name, id, options);
    await guest.fillName();
    await guest.click('join');
    await untilDoor(guest, 'asked');
    return guest;
  }

  /** In the call, let in by `by`. */
  async guest(by, name, id, options = {}) {
    const guest = await this.asking(name, id, options);
    await knock(by, name, 'admit');
    await guest.untilState('call', 20_000);
    return guest;
  }
}

export async function giveCredential(member, text) {
  await member.click('owner-open');
  await member.page.locator('[data-test=owner-input]').fill(text);
}

export const door = (member) => member.page.evaluate(() => document.querySelector('[data-door]')?.dataset.door ?? null);

export function untilDoor(member, what, ms = 30_000) {
  return until(`${member.name} is told at the door: ${what}`, ms, async () => (await door(member)) === what, () => member.describe());
}

const digits = (text) => /\d{5} \d{5} \d{5} \d{5}/.exec(text.replace(/\s+/g, ' '))?.[0] ?? null;

/** The code on the screen of somebody who waits. */
export async function waitingCode(member) {
  return until(`${member.name} is shown a code`, 10_000, async () => digits(await member.text('waiting-code')), () => member.describe());
}

/** Who asks, as the open list shows: [{ name, code }]. */
export async function knocks(member) {
  const shown = await member.page.evaluate(() =>
    [...document.querySelectorAll('[data-test=knock]')].map((row) => ({ name: row.dataset.member, code: row.querySelector('[data-test=knock-code]')?.textContent ?? '' })),
  );
  return shown.map(({ name, code }) => ({ name, code: digits(code) }));
}

export async function untilKnocks(member, names, ms = 20_000) {
  await member.show('people', 'person');
  const wanted = [...names].sort().join(', ');
  const now = async () => (await knocks(member)).map(({ name }) => name).sort().join(', ');
  await until(`${member.name} sees ask: ${wanted}`, ms, async () => (await now()) === wanted, async () => `It sees: ${await now()}. ${await member.describe()}`);
  return knocks(member);
}

const named = (test, name) => `[data-test=${test}][data-member="${name}"]`;

/** `admit` or `refuse` in the line of somebody who asks. */
export async function knock(member, name, action) {
  await member.show('people', 'person');
  await member.page.locator(`${named('knock', name)} [data-test=${action}]`).setTimeout(20_000).click();
}

/** One of the actions in somebody's line of the list of people. */
export async function about(member, name, action) {
  await member.show('people', 'person');
  const line = named('person', name);
  const more = `${line} [data-test=person-more]`;
  await member.page.locator(more).setTimeout(10_000).wait();
  if (!(await member.page.evaluate((selector) => document.querySelector(selector)?.ariaExpanded === 'true', more))) await member.page.locator(more).click();
  await member.page.locator(`${line} [data-test=${action}]`).setTimeout(10_000).click();
}

/** A switch of the rules, as it stands on somebody's screen. */
export async function rule(member, test) {
  await member.show('room', test);
  return member.page.evaluate((selector) => document.querySelector(selector)?.ariaChecked === 'true', `[data-test=${test}]`);
}

export async function setRule(member, test, on) {
  if ((await rule(member, test)) !== on) await member.click(test);
  await until(`the rule ${test} is ${on}`, 10_000, async () => (await rule(member, test)) === on, () => member.describe());
}

/** Of the list of people: { role, muted }. */
export async function person(member, name) {
  await member.show('people', 'person');
  return member.page.evaluate((selector) => {
    const line = document.querySelector(selector);
    return line === null ? null : { role: line.dataset.role, muted: Number(line.dataset.muted) };
  }, named('person', name));
}

/** Waits for a short message, said to eyes and to screen readers alike. */
export function untilTold(member, words, ms = 10_000) {
  return until(`${member.name} is told: ${words}`, ms, async () => words.test(await member.text('announced')), () => member.describe());
}

/** For `before` of `Member.open`: keeps the page's workers in reach. */
export const keepWorkers = async (page) => {
  await page.evaluateOnNewDocument(`(() => {
    const Original = Worker;
    globalThis.__workers = [];
    globalThis.Worker = class extends Original {
      constructor(url, options) {
        super(url, options);
        globalThis.__workers.push([String(url), this]);
      }
    };
  })();`);
};

/** Gives the core an input that no button of this page would give. */
export function smuggle(member, intent) {
  return member.page.evaluate((what) => {
    const [, core] = globalThis.__workers.findLast(([url]) => url.includes('core.worker'));
    core.postMessage({ t: 'intent', intent: what });
  }, intent);
}
