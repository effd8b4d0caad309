// From a ticket to a room, and a room in its owner's hands. No DOM.
//
// SECURITY: links and keys stand here in memory for as long as their page is shown, and are dropped with it.

import { signal } from '@preact/signals-core';
import type { Kept, KeptRoom, Made, MadeRoom, OrganiseProblem, RoomErrand, RoomTerms } from '../protocol/messages';
import { TermsForm } from './terms';

/** What these pages ask of the machinery behind them. */
export interface RoomsPort {
  /** Days since 1970-01-01. */
  today(): number;
  /** `moderators`: how many moderators' keys to make with the room. */
  open(ticket: string, terms: RoomTerms, moderators: number): Promise<Made>;
  keep(errand: RoomErrand): Promise<Kept>;
  copy(text: string): Promise<boolean>;
  /** Gives the person a file to keep. */
  save(name: string, text: string): void;
}

/** A number: the moderator's key of this place in the list. */
export type Copied = 'none' | 'link' | 'credential' | 'deed' | 'failed' | number;

/** The file in which an owner keeps the host credential. */
const CREDENTIAL_FILE = 'conclave-host-credential.txt';

/** Most moderators' keys that are made with a room. */
export const MOST_MODERATORS = 8;

export class Organise {
  readonly form: TermsForm;
  /** How many moderators' keys shall be made. */
  readonly moderators = signal(0);
  readonly working = signal(false);
  readonly problem = signal<OrganiseProblem | null>(null);
  readonly made = signal<MadeRoom | null>(null);
  /** The person has saved or copied the credential. */
  readonly credentialSaved = signal(false);
  /** The person says that the deed is kept. */
  readonly deedKept = signal(false);
  readonly copied = signal<Copied>('none');
  readonly #port: RoomsPort;
  readonly #ticket: string;

  constructor(port: RoomsPort, ticket: string) {
    this.#port = port;
    this.#ticket = ticket;
    this.form = new TermsForm(port.today());
  }

  /** Makes the room; `true` once the server has taken it. The ticket is used up by that, and by nothing else. */
  async make(): Promise<boolean> {
    if (this.working.value || this.made.value !== null || this.form.problem.value !== null) return false;
    this.working.value = true;
    this.problem.value = null;
    const moderators = Math.min(MOST_MODERATORS, Math.max(0, Math.trunc(this.moderators.value) || 0));
    const made = await this.#port.open(this.#ticket, this.form.terms(), moderators);
    this.working.value = false;
    if (made.ok) this.made.value = made.room;
    else this.problem.value = made.problem;
    return made.ok;
  }

  async copy(what: 'link' | 'credential' | 'deed' | number): Promise<void> {
    const made = this.made.value;
    if (made === null) return;
    const text = typeof what === 'number' ? (made.moderators[what] ?? '') : what === 'link' ? `#${made.guestLink}` : what === 'credential' ? made.credential : made.deed;
    this.copied.value = (await this.#port.copy(text)) ? what : 'failed';
    if (this.copied.value === 'credential') this.credentialSaved.value = true;
  }

  save(): void {
    const made = this.made.value;
    if (made === null) return;
    this.#port.save(CREDENTIAL_FILE, made.credential);
    this.credentialSaved.value = true;
  }

  /** One file for each moderator: each is for another person. */
  saveModerator(place: number): void {
    const key = this.made.value?.moderators[place];
    if (key !== undefined) this.#port.save(`conclave-moderator-key-${place + 1}.txt`, key);
  }
}

export class Keep {
  readonly form: TermsForm;
  readonly working = signal(false);
  readonly problem = signal<OrganiseProblem | null>(null);
  /** As the server has it; `null`: not read yet, or gone. */
  readonly room = signal<KeptRoom | null>(null);
  readonly saved = signal(false);
  readonly deleted = signal(false);
  readonly copied = signal<Copied>('none');
  /** The credential that was made in place of a lost one. */
  readonly fresh = signal<string | null>(null);
  readonly #port: RoomsPort;
  readonly #owner: string;
  readonly #link: string | null;

  /** `link`: the guest link that is open; a deed needs it. */
  constructor(port: RoomsPort, owner: string, link: string | null) {
    this.#port = port;
    this.#owner = owner;
    this.#link = link;
    this.form = new TermsForm(port.today());
  }

  read(): Promise<void> {
    return this.#run({ t: 'read', owner: this.fresh.value ?? this.#owner, link: this.#link });
  }

  /** With the deed: another credential in place of the lost one, which proves nothing from then on. */
  restore(): Promise<void> {
    return this.#run({ t: 'restore' });
  }

  save(): void {
    if (this.fresh.value !== null) this.#port.save(CREDENTIAL_FILE, this.fresh.value);
  }

  async copyFresh(): Promise<void> {
    if (this.fresh.value !== null) this.copied.value = (await this.#port.copy(this.fresh.value)) ? 'credential' : 'failed';
  }

  async change(): Promise<void> {
    if (this.form.problem.value !== null || this.room.value === null) return;
    await this.#run({ t: 'change', terms: this.form.terms() });
    this.saved.value = this.problem.value === null;
  }

  async remove(): Promise<void> {
    await this.#run({ t: 'delete' });
    this.deleted.value = this.problem.value === null;
  }

  async copyLink(): Promise<void> {
    const room = this.room.value;
    if (room !== null) this.copied.value = (await this.#port.copy(`#${room.guestLink}`)) ? 'link' : 'failed';
  }

  async #run(errand: RoomErrand): Promise<void> {
    if (this.working.value || this.deleted.value) return;
    this.working.value = true;
    this.problem.value = null;
    this.saved.value = false;
    const kept = await this.#port.keep(errand);
    this.working.value = false;
    if (!kept.ok) {
      this.problem.value = kept.problem;
      return;
    }
    this.room.value = kept.room;
    if (kept.room === null) return;
    this.form.load(kept.room);
    if (kept.room.credential !== null) this.fresh.value = kept.room.credential;
  }
}
