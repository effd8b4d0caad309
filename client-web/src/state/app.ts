// Which screen is shown and why: from the link to the call and its end. No DOM.
//
// The link is kept here, in memory, from the moment it is read until the page is closed; it is never stored.

import { batch, computed, signal, type ReadonlySignal } from '@preact/signals-core';
import type { EndReason, LinkProblem, OwnerFault, ParsedLink, ReadOwner } from '../protocol/messages';
import type { CallModel } from './call';
import type { Devices, Track } from './devices';
import { shownName, utf8Length } from './names';
import { Keep, Organise, type RoomsPort } from './organise';
import type { Place } from './place';

/** Something that this browser lacks. */
export type CapabilityProblem = 'insecure' | 'lockedDown' | 'noWebRtc' | 'noWebAssembly' | 'noTransforms' | 'noWorkers';
/** Faults on our own side of the wire. */
export type ClientFault = 'plaintext' | 'coreFailed' | 'mediaFailed';

export type Screen =
  | { readonly at: 'loading' }
  | { readonly at: 'welcome' }
  | { readonly at: 'join' }
  /** A ticket becomes a room. */
  | { readonly at: 'organise' }
  /** A room in its owner's hands. */
  | { readonly at: 'keep' }
  | { readonly at: 'waiting' }
  | { readonly at: 'call' }
  | { readonly at: 'ended'; readonly reason: EndReason }
  /** `servers`: where the link can be opened, if it belongs to others. */
  | { readonly at: 'error'; readonly code: ErrorCode; readonly servers?: readonly string[] };

export type ErrorCode = EndReason | LinkProblem | CapabilityProblem | ClientFault;

/** Ends that are nobody's failure. */
const QUIET_ENDS: ReadonlySet<EndReason> = new Set<EndReason>(['left', 'removed', 'barred', 'refused', 'endedByHost', 'closing']);

export interface JoinRequest {
  readonly link: string;
  readonly server: string;
  readonly name: string;
  readonly operatorKeys: boolean;
  /** The person allows that their place is kept in this tab. */
  readonly keepPlace: boolean;
  /** The record of the place to take back. */
  readonly place: Uint8Array | null;
  /** The key of whoever joins as host or moderator. */
  readonly owner: string | null;
}

/** How an owner's or moderator's key begins, and the deed from which one is made. */
const OWNERS_TEXT = /^\s*conclave-(host|moderator|deed)\d+(:|%3A)/i;

/** The owner's or moderator's key, if one was given: whether it fits the room that is open. */
export type OwnerKey = { readonly is: 'none' } | { readonly is: 'good'; readonly moderator: boolean } | { readonly is: 'faulty'; readonly problem: OwnerFault };

/** What the app asks of the machinery behind it. */
export interface AppPort {
  /** This server's name as links write it: lower-case host, port unless it is the default. */
  readonly host: string;
  readonly missing: CapabilityProblem | null;
  parseLink(text: string): Promise<ParsedLink>;
  /** `link`: the room that the key must belong to, if one is open. */
  readOwner(text: string, link: string | null): Promise<ReadOwner>;
  /** The person is at the door: what takes long and touches no network can be made ready. */
  prepare(): void;
  start(request: JoinRequest): CallModel;
  /** Takes the link out of the address bar. The browser's history keeps it; the page says so. */
  clearAddress(): void;
  copy(text: string): Promise<boolean>;
  /** Offers a text as a file. */
  save(name: string, text: string): void;
  /** Rooms made and kept. */
  readonly rooms: RoomsPort;
}

/** Longest name in UTF-8 bytes: the protocol's limit for a signed name. */
const NAME_BYTES = 64;

export class App<T extends Track> {
  readonly screen = signal<Screen>({ at: 'loading' });
  readonly name = signal('');
  readonly call = signal<CallModel | null>(null);
  /** The box on the join page. Ticked for whoever had ticked it before the tab was loaded again. */
  readonly keepPlace = signal(false);
  readonly owner = signal<OwnerKey>({ is: 'none' });
  readonly copied = signal<'no' | 'yes' | 'failed'>('no');
  readonly organise = signal<Organise | null>(null);
  readonly keep = signal<Keep | null>(null);
  readonly hasLink: ReadonlySignal<boolean>;
  /** The operator of the server made this room's keys: said before joining and in the call. */
  readonly operatorKeys: ReadonlySignal<boolean>;
  /** The link that is open is for one person alone. */
  readonly personal: ReadonlySignal<boolean>;
  readonly nameProblem: ReadonlySignal<'empty' | 'long' | null> = computed(() => nameProblem(this.name.value));
  readonly devices: Devices<T>;
  readonly place: Place;
  readonly #port: AppPort;
  /** SECURITY: like the link, in memory only; it never enters an address. */
  #ownerText: string | null = null;
  readonly #link = signal<{ readonly text: string; readonly operatorKeys: boolean; readonly personal: boolean } | null>(null);

  constructor(port: AppPort, devices: Devices<T>, place: Place) {
    this.#port = port;
    this.devices = devices;
    this.place = place;
    this.keepPlace.value = place.offer.value === 'offered';
    this.hasLink = computed(() => this.#link.value !== null);
    this.personal = computed(() => this.#link.value?.personal ?? false);
    this.operatorKeys = computed(() => this.#link.value?.operatorKeys ?? false);
  }

  /** Looks at what stood in the address bar, or was pasted. Nothing is sent anywhere. */
  async open(text: string): Promise<void> {
    const { missing, host } = this.#port;
    if (text.trim() === '') {
      this.screen.value = missing === null ? { at: 'welcome' } : { at: 'error', code: missing };
      return;
    }
    if (OWNERS_TEXT.test(text.slice(text.indexOf('#') + 1))) {
      this.screen.value = { at: 'error', code: 'credential' };
      return;
    }
    this.#link.value = { text, operatorKeys: false, personal: false };
    if (missing !== null) {
      this.screen.value = { at: 'error', code: missing };
      return;
    }
    const parsed = await this.#port.parseLink(text);
    if (!parsed.ok) {
      this.#link.value = null;
      this.screen.value = { at: 'error', code: parsed.problem };
      return;
    }
    if (!parsed.servers.includes(host)) {
      this.screen.value = { at: 'error', code: 'otherServer', servers: parsed.servers };
      return;
    }
    this.dropOwner();
    if (parsed.ticket === true) {
      this.#link.value = null;
      this.organise.value = new Organise(this.#port.rooms, text);
      this.screen.value = { at: 'organise' };
      return;
    }
    this.#link.value = { text, operatorKeys: parsed.operatorKeys, personal: parsed.personal };
    await this.#door();
  }

  /** Makes the room of the ticket that is open. */
  async makeRoom(): Promise<void> {
    // A used ticket in the address would only puzzle whoever loads the page again.
    if ((await this.organise.value?.make()) === true) this.#port.clearAddress();
  }

  /** Into the room that was just made, as its host. The page with its keys is not shown again. */
  async enterMade(): Promise<void> {
    const made = this.organise.value?.made.value;
    if (made === undefined || made === null) return;
    this.organise.value = null;
    await this.openPasted(made.credential);
  }

  /** With the owner's key that was given: the room's title, rules and end. */
  async keepRoom(): Promise<void> {
    const owner = this.owner.value;
    if (this.#ownerText === null || owner.is !== 'good' || owner.moderator || this.screen.value.at !== 'join') return;
    const keep = new Keep(this.#port.rooms, this.#ownerText, this.#link.value?.text ?? null);
    this.keep.value = keep;
    this.screen.value = { at: 'keep' };
    await keep.read();
  }

  /** Back to the door; from a room that is gone, to the start. */
  async leaveKeeping(): Promise<void> {
    const gone = this.keep.value?.deleted.value === true;
    const fresh = this.keep.value?.fresh.value ?? null;
    this.keep.value = null;
    if (!gone && fresh !== null) return this.openPasted(fresh);
    if (!gone) return this.again();
    this.dropOwner();
    this.#link.value = null;
    this.screen.value = { at: 'welcome' };
  }

  /** What somebody pasted or chose on the start page: a link, or the owner's key, which holds the link as well. */
  async openPasted(text: string): Promise<void> {
    this.dropOwner();
    if (!OWNERS_TEXT.test(text)) return this.open(text);
    const owner = await this.#port.readOwner(text, null);
    if (!owner.ok) {
      this.owner.value = { is: 'faulty', problem: owner.problem };
      return;
    }
    await this.open(owner.link);
    if (this.screen.value.at !== 'join') return;
    this.#ownerText = text.trim();
    this.owner.value = { is: 'good', moderator: owner.moderator };
  }

  /** On the join page: joins as host or moderator. */
  async giveOwner(text: string): Promise<void> {
    const link = this.#link.value;
    if (link === null || text.trim() === '') return this.dropOwner();
    const owner = await this.#port.readOwner(text, link.text);
    this.#ownerText = owner.ok ? text.trim() : null;
    this.owner.value = owner.ok ? { is: 'good', moderator: owner.moderator } : { is: 'faulty', problem: owner.problem };
  }

  dropOwner(): void {
    this.#ownerText = null;
    this.owner.value = { is: 'none' };
  }

  async #door(): Promise<void> {
    this.screen.value = { at: 'join' };
    this.#port.prepare();
    await this.devices.openBoth();
  }

  /** `back`: takes the place of the tab that was loaded again. */
  join(as: 'new' | 'back' = 'new'): void {
    const link = this.#link.value;
    if (link === null || this.nameProblem.value !== null || this.screen.value.at !== 'join') return;
    const place = as === 'back' ? this.place.take() : null;
    // Over since the button was drawn: the page now says so, and the person decides again.
    if (as === 'back' && place === null) return;
    this.place.drop();
    // From here on the link is only in memory: every check that could have sent the person elsewhere has passed.
    this.#port.clearAddress();
    this.screen.value = { at: 'waiting' };
    const { operatorKeys, text } = link;
    try {
      this.call.value = this.#port.start({ link: text, server: this.#port.host, name: this.name.value.trim(), operatorKeys, keepPlace: this.keepPlace.value, place, owner: this.#ownerText });
    } catch {
      this.fail('mediaFailed');
    }
  }

  /** Back to the device check, with the link still in memory. */
  async again(): Promise<void> {
    this.call.value = null;
    if (this.#link.value === null) {
      this.screen.value = { at: 'welcome' };
      return;
    }
    await this.#door();
  }

  /** The call's phase changed: called by the machinery after each event. */
  follow(call: CallModel): void {
    if (call !== this.call.peek()) return;
    // A deed, and a key that holds an old link, have done their work once another was made.
    this.#ownerText = call.invites.credential.peek() ?? this.#ownerText;
    const fragment = call.invites.link.peek();
    const link = this.#link.peek();
    if (fragment !== null && link !== null && link.text !== `#${fragment}`) {
      batch(() => {
        this.#link.value = { ...link, text: `#${fragment}`, personal: false };
        this.copied.value = 'no';
      });
    }
    const reason = call.ended.peek();
    if (reason !== null) {
      batch(() => {
        this.screen.value = QUIET_ENDS.has(reason) ? { at: 'ended', reason } : { at: 'error', code: reason };
        // SECURITY: names and lines of a call that is over are nobody's any more; what is not held, the browser collects.
        this.call.value = null;
      });
      return;
    }
    const phase = call.phase.peek();
    const inside = phase === 'inCall' || (phase === 'reconnecting' && call.members.peek().length > 0);
    const at = inside ? 'call' : 'waiting';
    if (this.screen.peek().at !== at) this.screen.value = { at };
  }

  /** Something of ours broke, or the self-test hit. */
  fail(fault: ClientFault): void {
    this.call.value = null;
    this.screen.value = { at: 'error', code: fault };
  }

  /** Leaves a call that has not begun yet. */
  cancel(): void {
    this.call.value?.leave();
    this.call.value = null;
    this.screen.value = { at: 'ended', reason: 'left' };
  }

  copyText(text: string): Promise<boolean> {
    return this.#port.copy(text);
  }

  save(name: string, text: string): void {
    this.#port.save(name, text);
  }

  async copyLink(): Promise<void> {
    const link = this.#link.value;
    if (link === null) return;
    this.copied.value = (await this.#port.copy(link.text)) ? 'yes' : 'failed';
  }
}

export function nameProblem(name: string): 'empty' | 'long' | null {
  const trimmed = name.trim();
  // A name of invisible characters only is none; the core would refuse it.
  if (shownName(trimmed, '') === '') return 'empty';
  return utf8Length(trimmed) > NAME_BYTES ? 'long' : null;
}
