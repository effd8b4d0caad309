// What an organiser or owner decides about a room, as it stands in a form. No DOM.

import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import { ALL_RIGHTS, Right, type RoomTerms } from '../protocol/messages';
import { BITS, type RightName } from './moderation';
import { utf8Length } from './names';

/** What guests may in a room with a host, until its host says otherwise: speak, be seen, write; no screen. */
const USUAL_GUESTS = Right.Microphone | Right.Camera | Right.Write;
/** Days that a new room lasts unless the organiser says otherwise: a season of meetings. A forgotten room goes by itself. */
const USUAL_DAYS = 90;
/** Longest title in UTF-8 bytes: the protocol's limit. */
const TITLE_BYTES = 120;
const DAY_MS = 86_400_000;

/** A day as a date field has it, and back; `null`: not a date. */
export const dayToDate = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
export function dateToDay(date: string): number | null {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms / DAY_MS;
}

export class TermsForm {
  readonly title = signal('');
  readonly begin = signal<RoomTerms['begin']>('host');
  readonly lobby = signal(true);
  readonly guests = signal<number>(USUAL_GUESTS);
  readonly strict = signal(false);
  readonly lastDay = signal(0);
  readonly today: number;
  readonly problem: ReadonlySignal<'title' | 'days' | null> = computed(() => {
    if (utf8Length(this.title.value.trim()) > TITLE_BYTES) return 'title';
    return this.lastDay.value < this.today ? 'days' : null;
  });

  constructor(today: number) {
    this.today = today;
    this.lastDay.value = today + USUAL_DAYS;
  }

  /** As the room is now. */
  load(room: RoomTerms): void {
    this.title.value = room.title;
    this.begin.value = room.begin;
    this.lobby.value = room.lobby;
    this.guests.value = room.guests ?? (room.begin === 'host' ? USUAL_GUESTS : ALL_RIGHTS);
    this.strict.value = room.strict;
    this.lastDay.value = room.lastDay;
  }

  guestsMay(right: RightName): boolean {
    return (this.guests.value & BITS[right]) === BITS[right];
  }

  letGuests(right: RightName, on: boolean): void {
    this.guests.value = on ? this.guests.value | BITS[right] : this.guests.value & ~BITS[right];
  }

  terms(): RoomTerms {
    const begin = this.begin.value;
    const hosted = begin === 'host';
    // Where anyone begins there is nobody who could let in, and no host whose rules would count.
    return { title: this.title.value.trim(), begin, lobby: hosted && this.lobby.value, guests: hosted ? this.guests.value : null, strict: hosted && this.strict.value, lastDay: this.lastDay.value };
  }
}
