// A browser as people have it at home: one profile on disk, kept when it ends; and a search through everything in it.
//
// The search is for bytes: as they are, as UTF-16, as hexadecimal and base64. Files are not taken apart: SQLite, LevelDB
// logs and Chromium's session files hold strings as they are, and LZ4 and Snappy (Firefox's session store, browser storage)
// leave the first occurrence of a string without repetitions as it is, but for first letters that stood behind the same bytes
// before: the search goes without two. That this is enough is what the positive control in `history.test.mjs` shows. What is
// gzipped is unpacked.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { startChromium } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';
import { until } from './until.mjs';

/** Puppeteer switches these off for speed; people have them on. */
const FIREFOX_AT_HOME = {
  'browser.sessionstore.resume_from_crash': true,
  'browser.sessionstore.interval': 1_000,
  'browser.cache.disk.enable': true,
  'browser.formfill.enable': true,
  'places.history.enabled': true,
};

export class Profile {
  static async start(kind) {
    const profile = new Profile();
    profile.kind = kind;
    profile.folder = mkdtempSync(join(tmpdir(), `conclave-${kind}-`));
    profile.browser = await (kind === 'firefox' ? startFirefox(FIREFOX_AT_HOME, { profile: profile.folder }) : startChromium({ profile: profile.folder }));
    return profile;
  }

  /** For `Member.open`: its contexts are private windows; this browser's only context is the one that is kept. */
  get asPeopleHaveIt() {
    return { createBrowserContext: async () => this.browser.defaultBrowserContext() };
  }

  /** Ends the browser in good order, so that everything it means to keep is on disk. */
  async close() {
    await this.browser.close();
    // Not only the process that was started: while any other still writes, files contradict each other.
    await until(`${this.kind} has ended`, 30_000, () => !readdirSync('/proc').some((id) => this.#uses(id)));
  }

  /** Every file as [name inside the profile, bytes]. */
  *files() {
    for (const entry of readdirSync(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      yield [relative(this.folder, path), readFileSync(path)];
    }
  }

  /** Which needles are in which files: { needle's name: [files] }. Needles are strings or bytes. */
  search(needles) {
    const forms = Object.entries(needles).map(([name, needle]) => [name, formsOf(needle)]);
    const found = Object.fromEntries(forms.map(([name]) => [name, []]));
    for (const [file, bytes] of this.files()) {
      const texts = [bytes, ...unpacked(bytes)].map((part) => part.toString('latin1').toLowerCase());
      for (const [name, all] of forms) {
        if (all.some((form) => file.toLowerCase().includes(form) || texts.some((text) => text.includes(form)))) found[name].push(file);
      }
    }
    return found;
  }

  #uses(id) {
    if (!/^\d+$/.test(id)) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'latin1').includes(this.folder);
    } catch {
      return false; // Ended meanwhile.
    }
  }

  /** For tests that failed half-way: whatever is left of browser and folder. */
  async abandon() {
    await this.browser.close().catch(() => {});
    this.delete();
  }

  delete() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** So many letters at the beginning may be packed together with what stands before them. */
const PACKED = 2;

/** All the ways in which a string or some bytes might have been written down, in lower case. */
function formsOf(needle) {
  const bytes = Buffer.from(needle);
  if (bytes.length < PACKED + 8) throw new Error('too short to search for: it would be found by chance');
  const rest = bytes.subarray(PACKED);
  const forms = [rest.toString('latin1'), rest.toString('hex')];
  if (typeof needle === 'string') forms.push(Buffer.from(needle.slice(PACKED), 'utf16le').toString('latin1'));
  // Base64 depends on where in a group of three the bytes begin: the part that is the same whatever surrounds them.
  for (let lead = 0; lead < 3; lead += 1) {
    const text = Buffer.concat([Buffer.alloc(lead), bytes]).toString('base64');
    const inner = text.slice(lead === 0 ? 0 : 4, Math.floor((lead + bytes.length) / 3) * 4);
    if (inner.length >= 12) forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

function* unpacked(bytes) {
  for (let at = bytes.indexOf('1f8b08', 0, 'hex'); at >= 0; at = bytes.indexOf('1f8b08', at + 1, 'hex')) {
    try {
      yield gunzipSync(bytes.subarray(at), { finishFlush: constants.Z_SYNC_FLUSH });
    } catch {
      // Three bytes that only looked like the beginning of something.
    }
  }
}
