// Names as they are shown: inert, distinguishable, short. No DOM.
//
// A name is whatever another member signed: it may hold control characters, direction overrides or look like somebody
// else's. Signatures say *that* a member chose the name, not that the name is true.

import type { RosterEntry } from '../protocol/messages';

/** Control characters, direction marks and overrides, invisible joiners, byte order marks. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Emoji are built with these two; removing them would break flags and families into parts, which is harmless. */
const SPACES = /\s+/gu;

/** The name without anything that could reorder or hide text around it; never empty. */
export function shownName(name: string, nameless: string): string {
  const clean = name.replace(SPACES, ' ').replace(INVISIBLE, '').trim();
  return clean === '' ? nameless : clean;
}

/** The name for use inside a sentence: whichever way it is written, the sentence around it keeps its own. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}

/** Two names with the same key look the same to most eyes. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').replace(INVISIBLE, '').replace(SPACES, ' ').trim().toLowerCase();
}

/** The ids of members whose shown name another member also carries. */
export function duplicateNames(members: readonly Pick<RosterEntry, 'id' | 'name'>[]): ReadonlySet<string> {
  const byKey = new Map<string, string[]>();
  for (const { id, name } of members) {
    const key = nameKey(name);
    byKey.set(key, [...(byKey.get(key) ?? []), id]);
  }
  return new Set([...byKey.values()].filter((ids) => ids.length > 1).flat());
}

/** One or two letters for a tile without picture. */
export function initials(name: string): string {
  const words = name.split(/[\s\-_.]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = words[0];
  if (first === undefined) return '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  const letter = (word: string): string => /[\p{L}\p{N}]/u.exec(word)?.[0]?.toUpperCase() ?? '';
  return letter(first) + (last === undefined ? '' : letter(last));
}

/** One of `n` tile colours, the same for one member on every redraw. */
export function hue(id: string, n: number): number {
  let sum = 0;
  for (let i = 0; i < id.length; i += 1) sum = (sum * 31 + id.charCodeAt(i)) >>> 0;
  return sum % n;
}

/** Bytes of UTF-8: what the protocol counts. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
