// The machinery behind rooms, for tests: answers what it was told to, and remembers what it was asked.

import type { Kept, KeptRoom, Made, RoomErrand, RoomTerms } from '../protocol/messages';
import type { RoomsPort } from './organise';

export const TODAY = 20_779;
export const MADE = { guestLink: 'gAz', credential: 'conclave-host1:AA', deed: 'conclave-deed1:AA', moderators: ['conclave-moderator1:AA', 'conclave-moderator1:BB'], lastDay: TODAY + 90 };
export const ROOM: KeptRoom = { title: 'Choir', begin: 'host', lobby: true, guests: null, strict: true, lastDay: TODAY + 9, lastDayInForce: TODAY + 9, latestDay: TODAY + 99, members: 250, membersInForce: 250, guestLink: 'gAz', byDeed: false, credential: null };

export class Rooms implements RoomsPort {
  made: Made = { ok: true, room: MADE };
  kept: Kept = { ok: true, room: ROOM };
  opened: [string, RoomTerms, number][] = [];
  errands: RoomErrand[] = [];
  copied: string[] = [];
  saved: [string, string][] = [];
  copies = true;
  today = (): number => TODAY;
  async open(ticket: string, terms: RoomTerms, moderators: number): Promise<Made> {
    this.opened.push([ticket, terms, moderators]);
    return this.made;
  }
  async keep(errand: RoomErrand): Promise<Kept> {
    this.errands.push(errand);
    return this.kept;
  }
  async copy(text: string): Promise<boolean> {
    this.copied.push(text);
    return this.copies;
  }
  save(name: string, text: string): void {
    this.saved.push([name, text]);
  }
}
