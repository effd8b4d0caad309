// One person in a browser: opens a link, joins, looks, listens, writes, leaves. Only through what is on the screen.
import { pageScript } from './code.mjs';
import { until } from './until.mjs';

/** All sources of one test run count from here, so that delay can be read from a counter. */
const EPOCH_MS = Date.now() - 1000;

/** Frames that a picture may be behind its source and still count as live: 2 s at ten a second. */
const LIVE = 20;
/**
 * The same where one of the two sits in Firefox. Its mock sound card loses time on a busy machine (0.73 of real time was measured, with Chromium's at 1.00 in the
 * same seconds): sound piles up, and the browser holds pictures back to stay with it, 2.7 s after 45 s of a call.
 */
const LIVE_BESIDE_MOCK_CARD = 80;

const hook = (name) => `[data-test=${name}]`;

export class Member {
  /**
   * Opens the link. `id` (1 to 8) is what this member's picture and tone carry.
   * `before(page)` may change the page before it loads (emulation, interception).
   */
  static async open(browser, link, { id, name, camera = true, microphone = true, denied = false, before } = {}) {
    const member = new Member();
    Object.assign(member, { id, name, complaints: [], requests: [] });
    member.context = await browser.createBrowserContext();
    // A window of its own: Firefox opens a tab in the window that is there, and the tab behind it is hidden and gets no pictures.
    member.page = await member.context.newPage({ type: 'window' });
    member.mockCard = (await member.page.browser().version()).toLowerCase().startsWith('firefox');
    await member.page.setViewport({ width: 1280, height: 800 });
    await member.page.evaluateOnNewDocument(pageScript({ id, camera, microphone, denied, epochMs: EPOCH_MS }));
    member.page.on('console', (line) => {
      if (['error', 'warn', 'warning'].includes(line.type())) member.complaints.push(line.text());
    });
    member.page.on('pageerror', (error) => member.complaints.push(String(error)));
    // The page's own address still has its fragment here, which never travels; everything else is as it was asked for.
    member.page.on('request', (request) => member.requests.push(request.isNavigationRequest() ? request.url().split('#')[0] : request.url()));
    await before?.(member.page);
    await member.page.goto(link, { waitUntil: 'load', timeout: 30_000 });
    return member;
  }

  /** The state that the page declares: welcome, join, waiting, call, ended, error. */
  state() {
    return this.page.evaluate(() => document.querySelector('main')?.dataset.state ?? null);
  }

  untilState(state, ms = 30_000) {
    return until(`${this.name ?? 'the page'} reaches the state ${state}`, ms, async () => (await this.state()) === state, () => this.describe());
  }

  async describe() {
    const text = await this.page.evaluate(() => document.querySelector('main')?.innerText ?? document.body.innerText).catch(String);
    return `state ${await this.state().catch(String)}; on screen: ${text.slice(0, 300)}; console: ${this.complaints.join(' | ').slice(0, 2000)}`;
  }

  click(name) {
    return this.page.locator(hook(name)).setTimeout(10_000).click();
  }

  visible(name) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.checkVisibility() ?? false, hook(name));
  }

  text(name) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.textContent ?? '', hook(name));
  }

  texts(name) {
    return this.page.evaluate((selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent), hook(name));
  }

  /** Whether the panel behind this button is open. */
  expanded(button) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.ariaExpanded === 'true', hook(button));
  }

  /** Opens a panel by its button unless it is open, and waits for what it shows. */
  async show(button, content) {
    if (!(await this.expanded(button))) await this.click(button);
    await until(`${content} is shown`, 15_000, () => this.visible(content), () => this.describe());
  }

  async hide(button) {
    if (await this.expanded(button)) await this.click(button);
    await until(`the panel of ${button} is closed`, 10_000, async () => !(await this.expanded(button)), () => this.describe());
  }

  async fillName() {
    await this.untilState('join');
    await this.page.locator(hook('name-input')).fill(this.name);
  }

  /** From the join page into the call; returns the moment of the click on Join. */
  async join() {
    await this.fillName();
    const at = performance.now();
    await this.click('join');
    await this.untilState('call', 60_000);
    return at;
  }

  tiles() {
    return this.page.evaluate(() => globalThis.__probe.tiles());
  }

  sounds() {
    return this.page.evaluate(() => globalThis.__probe.sounds());
  }

  /** Opens the link in this very page, as a person does whose page shows the start page: by pasting it there. */
  async paste(link) {
    await this.untilState('welcome');
    await this.page.locator(hook('link-input')).fill(link);
    await this.click('link-open');
    await this.untilState('join');
  }

  /** The page's storage of this tab: { name: value }. */
  stored() {
    return this.page.evaluate(() => ({ ...sessionStorage }));
  }

  /** Keeps every short message that is shown from now on; `news` returns them. */
  async listen() {
    await this.page.evaluate(() => {
      const seen = (globalThis.__news = []);
      const known = new WeakSet(document.querySelectorAll('[data-test=notice]'));
      new MutationObserver(() => {
        for (const line of document.querySelectorAll('[data-test=notice]')) {
          if (!known.has(line)) seen.push(line.innerText.trim());
          known.add(line);
        }
      }).observe(document, { subtree: true, childList: true });
    });
  }

  news() {
    return this.page.evaluate(() => globalThis.__news);
  }

  /** Of others' tiles: what tells members apart for the page, by name. */
  ids() {
    return this.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-test=tile][data-id]:not([data-self=true])')].map((tile) => [tile.dataset.member, tile.dataset.id])));
  }

  /** Names on the tiles of others. */
  async others() {
    const names = (await this.tiles()).filter((tile) => !tile.self && tile.kind === 'camera').map((tile) => tile.name);
    return names.sort();
  }

  untilOthers(names, ms) {
    const wanted = [...names].sort().join(', ');
    return until(
      `${this.name} sees the tiles of exactly: ${wanted}`,
      ms,
      async () => (await this.others()).join(', ') === wanted,
      async () => `It sees: ${(await this.others()).join(', ')}. ${await this.describe()}`,
    );
  }

  /**
   * Waits until each of `members` is seen under the right name with a picture that moves on and, unless `live` is false,
   * is no more than two seconds old (eight where a mock sound card holds it back). A picture of somebody else under a name fails at once.
   * Returns how long after `since` the last one was seen first.
   */
  async untilSees(members, { ms = 20_000, kind = 'camera', since = performance.now(), live = true } = {}) {
    const counters = new Map();
    let last = 0;
    const moves = ({ name }) => (counters.get(name)?.size ?? 0) >= 3;
    await until(
      `${this.name} sees pictures (${kind}) of ${members.map((m) => m.name).join(', ')}`,
      ms,
      async () => {
        for (const tile of await this.tiles()) {
          const member = members.find((m) => m.name === tile.name);
          if (tile.self || tile.kind !== kind || tile.word === null || member === undefined) continue;
          if (tile.word.id !== member.id || tile.word.kind !== kind) {
            throw new Error(`${this.name} sees under ${tile.name} the ${tile.word.kind} of number ${tile.word.id}, not of ${member.id}`);
          }
          if (live && tile.word.behind > (this.mockCard || member.mockCard ? LIVE_BESIDE_MOCK_CARD : LIVE)) continue;
          if (!counters.has(member.name)) {
            counters.set(member.name, new Set());
            last = performance.now() - since;
          }
          counters.get(member.name).add(tile.word.counter);
        }
        return members.every(moves);
      },
      async () => `Tiles: ${JSON.stringify(await this.tiles())}. ${await this.describe()}`,
    );
    return last;
  }

  /** Waits until each of `members` is heard under the right name; somebody else's tone under a name fails at once. */
  async untilHears(members, { ms = 20_000 } = {}) {
    const steps = new Map(members.map((m) => [m.name, new Set()]));
    await until(
      `${this.name} hears the stepping tones of ${members.map((m) => m.name).join(', ')}`,
      ms,
      async () => {
        for (const sound of await this.sounds()) {
          const member = members.find((m) => m.name === sound.name);
          if (member === undefined || sound.tone === null || !sound.playing) continue;
          if (sound.tone.id !== member.id) throw new Error(`${this.name} hears under ${sound.name} number ${sound.tone.id}, not ${member.id}`);
          steps.get(member.name).add(sound.tone.step);
        }
        return [...steps.values()].every((seen) => seen.size >= 3);
      },
      async () => `Sounds: ${JSON.stringify(await this.sounds())}. ${await this.describe()}`,
    );
  }

  /** The safety number of this moment, as digits in groups: it is computed when its panel opens. */
  async safetyNumber() {
    await this.hide('safety-show');
    await this.show('safety-show', 'safety-number');
    return until(
      `${this.name} is shown a safety number`,
      20_000,
      async () => /\d{5} \d{5} \d{5} \d{5}/.exec((await this.text('safety-number')).replace(/\s+/g, ' '))?.[0],
      () => this.describe(),
    );
  }

  async say(text) {
    await this.show('chat', 'chat-input');
    await this.page.locator(hook('chat-input')).fill(text);
    await this.click('chat-send');
  }

  /** Chat lines as [from, text]. */
  chat() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('[data-test=chat-line]')].map((line) => [
        line.dataset.from,
        line.querySelector('[data-test=chat-text]')?.textContent,
      ]),
    );
  }

  async untilReads(from, text, ms = 10_000) {
    await this.show('chat', 'chat-input');
    await until(
      `${this.name} reads the line of ${from}`,
      ms,
      async () => (await this.chat()).some(([who, what]) => who === from && what === text),
      async () => JSON.stringify(await this.chat()),
    );
  }

  async people() {
    await this.show('people', 'person');
    const names = await this.page.evaluate(() => [...document.querySelectorAll('[data-test=person]')].map((p) => p.dataset.member));
    return names.sort();
  }

  /** A worker of the page by a part of its script's name. */
  async worker(part) {
    return until(`the page has a worker called ${part}`, 10_000, () => this.page.workers().find((w) => w.url().includes(part)));
  }

  /** Ends the tab's process, as a crash or the system would: no farewell of any kind. */
  async kill() {
    const client = await this.page.createCDPSession();
    // The answer never comes: the process that would send it is gone.
    void client.send('Page.crash').catch(() => {});
    await until(`the tab of ${this.name} is gone`, 10_000, () =>
      Promise.race([
        this.page.evaluate(() => 1).then(() => false, () => true),
        new Promise((resolve) => setTimeout(() => resolve(true), 1000)),
      ]),
    );
  }

  close() {
    return this.context.close();
  }
}
