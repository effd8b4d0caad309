// What stays on a person's disk after a call: both browsers' profile folders, read byte by byte when the browser has ended.
//
// A link that was opened is in the browser's history, and the address bar's is not ours to take back: the join page says so.
// This pins in which files, and that nothing else stays anywhere: no name, no message, no number, no id. A link that was
// pasted into the start page leaves nothing of itself. Whoever ticked the box that keeps their place allowed one record more:
// in which files it lies while the call runs, and what of it is left after leaving.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Member } from '../lib/member.mjs';
import { Profile } from '../lib/profile.mjs';
import { until } from '../lib/until.mjs';
import { Wire } from '../lib/wire.mjs';

const KINDS = ['chromium', 'firefox'];
const ITEM = 'conclave.place';

/**
 * Where an opened link stays: history, and what each browser derives from it. `always`: what cannot be missing; the others
 * are written now or later, as the browser sees fit. These names are said to people in docs/threat-model.md.
 */
const LINK = {
  chromium: { always: 'Default/History', others: ['Default/Favicons', 'Default/Top Sites', 'Default/Sessions/*', 'Default/Shortcuts', 'Default/Network Action Predictor', 'segmentation_platform/ukm_db'] },
  firefox: { always: 'places.sqlite', others: ['sessionstore.jsonlz4', 'sessionstore-backups/*', 'favicons.sqlite'] },
};

/** Where the name of the server stays besides: settings of the site, and which scripts were compiled. */
const SERVER = {
  chromium: ['Default/Preferences', 'Default/MediaDeviceSalts', 'Default/Code Cache/*', 'Default/Network/*', 'Default/Network Persistent State', 'Default/Reporting and NEL'],
  firefox: ['permissions.sqlite', 'content-prefs.sqlite', 'SiteSecurityServiceState.bin'],
};

/**
 * Where the record of a kept place lies, while the call runs and, deleted by the page, for a while after leaving: Chromium's session
 * storage is a log in which deleted things stand until it is rewritten, Firefox's session store is written now and then. Which of them
 * has it at a given moment is theirs to say. Said in docs/threat-model.md.
 */
const PLACE = {
  chromium: ['Default/Session Storage/*'],
  firefox: ['sessionstore.jsonlz4', 'sessionstore-backups/*'],
};

/** One name for a database and its journals, and for files that are numbered. */
const plain = (file) => file.replace(/-(wal|shm|journal)$/, '');
const listed = (file, list) => list.some((name) => (name.endsWith('/*') ? file.startsWith(name.slice(0, -1)) : plain(file) === name));

/** Eighteen letters, no two of them the same: where a word repeats a part of itself, what a browser packs holds a reference in its place. */
function word() {
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  return Array.from({ length: 18 }, () => letters.splice(randomInt(letters.length), 1)[0]).join('');
}

let wire;
before(async () => {
  wire = await Wire.start();
});
after(() => wire?.stop());

/** Fills a field key by key, as a person does: what browsers remember of forms comes from real input. */
async function type(member, hook, text) {
  await member.page.locator(`[data-test=${hook}]`).click();
  await member.page.keyboard.type(text);
}

/**
 * Both browsers in one call with everything that leaves traces, ended in good order. Returns profiles and needles. `keep`: with
 * the box ticked. `leave`: before the browsers end.
 */
async function call(open, { keep = false, leave = true } = {}) {
  const room = await wire.server.makeRoom();
  const admissionsBefore = wire.admissions().length;
  const profiles = {};
  const members = [];
  try {
    await Promise.all(KINDS.map(async (kind) => (profiles[kind] = await Profile.start(kind))));
    for (const kind of KINDS) {
      const member = await open(profiles[kind], room.guest_link, { id: members.length + 1, name: word() });
      await member.untilState('join');
      await type(member, 'name-input', member.name);
      if (keep) await member.click('keep-place');
      await member.click('join');
      await member.untilState('call');
      members.push(member);
    }
    const [ada, bo] = members;
    await Promise.all([ada.untilSees([bo]), bo.untilSees([ada])]);
    const [one, two] = [word(), word()];
    await ada.show('chat', 'chat-input');
    await type(ada, 'chat-input', one);
    await ada.click('chat-send');
    await bo.untilReads(ada.name, one);
    await bo.show('chat', 'chat-input');
    await type(bo, 'chat-input', two);
    await bo.click('chat-send');
    await ada.untilReads(bo.name, two);
    const number = await ada.safetyNumber();
    assert.equal(await bo.safetyNumber(), number);
    const places = keep ? await Promise.all(members.map(placeOf)) : [];
    for (const member of leave ? members : []) {
      await member.click('leave');
      await member.untilState('ended');
      assert.deepEqual(await member.stored(), {}, 'something stays stored after leaving');
    }
    const admissions = wire.admissions().slice(admissionsBefore);
    assert.ok(admissions.length >= 2, 'the copy of the wire shows both admissions');
    const needles = { 'chat of one': one, 'chat of the other': two, 'safety number': number, 'its digits': number.replaceAll(' ', ''), room: admissions[0].room };
    members.forEach((member, n) => (needles[`name ${n}`] = member.name));
    admissions.forEach(({ nonces, transport }, n) => {
      needles[`transport key ${n}`] = transport;
      nonces.forEach((nonce, k) => (needles[`nonce ${n}.${k}`] = nonce));
    });
    await Promise.all(Object.values(profiles).map((profile) => profile.close()));
    return { profiles, needles, places: places.map(placeNeedles), link: linkNeedles(room.guest_link) };
  } catch (error) {
    for (const profile of Object.values(profiles)) await profile.abandon();
    throw error;
  }
}

/** The kept record, once the browser had time to write it down. */
async function placeOf(member) {
  await until('the place is stored', 10_000, async () => (await member.stored())[ITEM] !== undefined);
  const { place } = JSON.parse((await member.stored())[ITEM]);
  return place;
}

/** Pieces of a record's text, and of the bytes that it stands for: the seeds are 32 bytes each, so one of them always holds a whole piece. */
function placeNeedles(place) {
  const pieces = {};
  for (let at = 0; at + 24 <= place.length; at += 8) pieces[`place from ${at}`] = place.slice(at, at + 24);
  const bytes = Buffer.from(place, 'base64url');
  for (let at = 0; at + 16 <= bytes.length; at += 8) pieces[`bytes of the place from ${at}`] = bytes.subarray(at, at + 16);
  return pieces;
}

/** Pieces of a link's fragment, so that a part of it is found as well, and the bytes that it stands for. */
function linkNeedles(link) {
  const text = link.slice(link.indexOf('#g') + 2);
  const pieces = {};
  for (let at = 0; at + 16 <= text.length; at += 8) pieces[`link from ${at}`] = text.slice(at, at + 16);
  return { ...pieces, 'bytes of the link': Buffer.from(text.slice(0, -1), 'base64url').subarray(4) };
}

/** What of the client itself would show that a file of it was kept. */
async function contentNeedles() {
  const page = await (await fetch(`${wire.server.origin}/`)).text();
  const [script] = /\/assets\/index-[\w-]+\.js/.exec(page);
  const text = await (await fetch(`${wire.server.origin}${script}`)).text();
  return { 'the page': page.slice(page.indexOf('<noscript>') + 20, page.indexOf('<noscript>') + 80), 'the script': text.slice(text.length / 2, text.length / 2 + 60) };
}

function nothingOf(found, kind) {
  for (const [what, files] of Object.entries(found)) assert.deepEqual(files, [], `${kind} keeps ${what}`);
}

function noStorageOf(profile) {
  const mine = new RegExp(`localhost[_+:]+${wire.server.port}`);
  for (const [file] of profile.files()) assert.doesNotMatch(file, mine, `${profile.kind} has a storage of this server`);
}

for (const { what, open, pasted } of [
  { what: 'a link that was opened', pasted: false, open: (profile, link, options) => Member.open(profile.asPeopleHaveIt, link, options) },
  {
    what: 'a link that was pasted into the start page',
    pasted: true,
    open: async (profile, link, options) => {
      const member = await Member.open(profile.asPeopleHaveIt, `${wire.server.origin}/`, options);
      await member.untilState('welcome');
      await type(member, 'link-input', link);
      await member.click('link-open');
      return member;
    },
  },
]) {
  test(`${what}: what both browsers keep after the call`, async (t) => {
    const { profiles, needles, link } = await call(open);
    try {
      for (const kind of KINDS) {
        const profile = profiles[kind];
        nothingOf(profile.search({ ...needles, ...(await contentNeedles()) }), kind);
        noStorageOf(profile);
        const files = [...new Set(Object.values(profile.search(link)).flat())].sort();
        t.diagnostic(`${kind}: of the link in ${files.join(', ') || 'no file'}`);
        const { always, others } = LINK[kind];
        if (pasted) assert.deepEqual(files, [], `${kind} keeps something of a pasted link`);
        else {
          assert.ok(files.map(plain).includes(always), `${kind}: the link is not in ${always}: does the search work?`);
          assert.deepEqual(files.filter((file) => !listed(file, [always, ...others])), [], `${kind} keeps the link in more places than are pinned here`);
        }
        const { server } = profile.search({ server: wire.server.name });
        t.diagnostic(`${kind}: the server's name in ${server.join(', ')}`);
        assert.deepEqual(server.filter((file) => !listed(file, [always, ...others, ...SERVER[kind]])), [], `${kind} keeps the server's name in more places than are pinned here`);
      }
    } finally {
      for (const profile of Object.values(profiles)) profile.delete();
    }
  });
}

for (const { what, leave } of [
  { what: 'the browsers ended in the middle of the call', leave: false },
  { what: 'after leaving', leave: true },
]) {
  test(`the box that keeps the place was ticked, ${what}: what both browsers keep`, async (t) => {
    const open = (profile, link, options) => Member.open(profile.asPeopleHaveIt, link, options);
    const { profiles, needles, places, link } = await call(open, { keep: true, leave });
    try {
      for (const [n, kind] of KINDS.entries()) {
        const profile = profiles[kind];
        const files = [...new Set(Object.values(profile.search(places[n])).flat())].sort();
        t.diagnostic(`${kind}: of the place in ${files.join(', ') || 'no file'}`);
        assert.deepEqual(files.filter((file) => !listed(file, PLACE[kind])), [], `${kind} keeps the place in more files than are pinned here`);
        // Nothing else than without the box: no name, no message, no number.
        nothingOf(profile.search({ ...needles, ...(await contentNeedles()) }), kind);
        const { always, others } = LINK[kind];
        const linked = [...new Set(Object.values(profile.search(link)).flat())];
        assert.deepEqual(linked.filter((file) => !listed(file, [always, ...others])), [], `${kind} keeps the link in more places than are pinned here`);
      }
      if (!leave) {
        const found = KINDS.filter((kind, n) => Object.values(profiles[kind].search(places[n])).flat().length > 0);
        assert.ok(found.length > 0, 'a record that is certainly stored is found nowhere: does the search work?');
      }
    } finally {
      for (const profile of Object.values(profiles)) profile.delete();
    }
  });
}

test('the search finds what a page did store, in every place where one could', async () => {
  for (const kind of KINDS) {
    // Firefox writes a tab's sessionStorage to disk only if its session store happens to run before the end: not a control.
    // In the database the word stands behind `name`, with whose first letter its own is packed.
    const planted = { local: word(), database: `n${word().replace('n', '')}`, cache: word(), address: word(), ...(kind === 'firefox' ? {} : { session: word() }) };
    const profile = await Profile.start(kind);
    try {
      const member = await Member.open(profile.asPeopleHaveIt, `${wire.server.origin}/`, { id: 1, name: 'Control' });
      await member.untilState('welcome');
      await member.page.evaluate(async (words) => {
        localStorage.setItem('name', words.local);
        if (words.session !== undefined) sessionStorage.setItem('name', words.session);
        await new Promise((resolve, reject) => {
          const open = indexedDB.open('call', 1);
          open.onupgradeneeded = () => open.result.createObjectStore('names');
          open.onerror = reject;
          open.onsuccess = () => {
            const write = open.result.transaction('names', 'readwrite');
            write.objectStore('names').put({ name: words.database }, 'name');
            write.oncomplete = resolve;
            write.onerror = reject;
          };
        });
        await (await caches.open('call')).put('/name', new Response(words.cache));
        history.pushState(null, '', `/#${words.address}`);
      }, planted);
      await profile.close();
      const found = profile.search(planted);
      const missed = Object.keys(found).filter((place) => found[place].length === 0);
      const files = [...profile.files()].filter(([file]) => /storage|database|cache/i.test(file)).map(([file, bytes]) => `${file} (${bytes.length})`);
      assert.deepEqual(missed, [], `${kind}: the search does not find what was stored, ${JSON.stringify(missed.map((place) => planted[place]))}, in ${files.join(', ')}`);
    } finally {
      await profile.abandon();
    }
  }
});
