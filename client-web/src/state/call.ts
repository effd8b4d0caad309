// One call as the screen needs it. No DOM, no media: events come in through `handle`, wishes go out through a `CallPort`.
//
// SECURITY: a picture is shown under a name only while `shownBy` says that the slot's frames were opened as those of the
// very transport id that the name's leaf carries. The server's word about slots is never enough.

import { batch, computed, signal, type ReadonlySignal } from '@preact/signals-core';
import { Right, type CallEvent, type Decision, type Departure, type Door, type EndReason, type NoticeCode, type Phase, type RoleName, type RosterEntry, type Rules } from '../protocol/messages';
import { BITS, Moderation, RIGHTS, type Forbidden, type Hindrance, type RightName } from './moderation';
import { Invites } from './invites';
import { Trust } from './trust';
import { duplicateNames, hue, initials, shownName } from './names';

/** What the view-model asks of the machinery behind it. */
export interface CallPort {
  chat(text: string): void;
  decide(decision: Decision): void;
  compareNow(): void;
  showSafetyNumber(): void;
  shareScreen(): void;
  stopScreen(): void;
  unblockSound(): void;
  leave(): void;
}

export type Panel = 'none' | 'chat' | 'people' | 'safety' | 'settings' | 'room' | 'leaving';
/** The camera slot of a pair, or the screen slot. */
export type PictureSlot = number | 'screen';

export interface Tile {
  readonly id: string;
  readonly transport: string;
  readonly name: string;
  readonly initials: string;
  readonly hue: number;
  readonly role: RoleName;
  /** Moderates by a key of their own. */
  readonly keyed: boolean;
  /** Bits of rights that this member lacks. */
  readonly muted: number;
  readonly invite: number | null;
  readonly self: boolean;
  readonly twin: boolean;
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly hand: boolean;
  readonly hidden: boolean;
  readonly lost: boolean;
  readonly slot: number | null;
  readonly picture: boolean;
  readonly speaking: boolean;
}

export interface ScreenShare {
  readonly id: string;
  readonly transport: string;
  readonly name: string;
  readonly self: boolean;
  readonly picture: boolean;
}

export interface ChatLine {
  readonly key: number;
  readonly name: string;
  readonly text: string;
  readonly mine: boolean;
  readonly time: string;
  /** As the core counts lines. */
  readonly line: number;
  /** One's own, and perhaps nobody read it. */
  readonly unsure: boolean;
}

/** What a person is told of their own rights. */
export type RightNews = `${RightName}-${Forbidden | 'free'}`;

/** A short message; `key` makes it unique. `kind` names its text. */
export interface Toast {
  readonly key: number;
  readonly kind: 'arrived' | 'returned' | Departure | NoticeCode | RightNews | Hindrance | 'compared' | 'compareChanged' | 'linkChanged' | 'appointed' | 'dismissed' | 'cameraLost' | 'microphoneLost' | 'screenFailed';
  readonly name: string;
}

/** Somebody came or went. */
export interface Coming {
  readonly key: number;
  readonly kind: 'arrived' | 'returned' | Departure;
  readonly name: string;
  readonly time: string;
}

export interface SafetyNumber {
  readonly digits: string;
  readonly time: string;
}

export interface CallWords {
  readonly nameless: string;
}

/** Chat lines kept: a long evening's worth. More would grow without end in a page that is open for days. */
const CHAT_KEPT = 2_000;
/** Toasts on screen at once: more hide the pictures. */
const TOASTS_SHOWN = 4;
/** Messages that wait for a screen reader. In a rush of arrivals none is lost; more would still be read out when the rush is long over. */
const ANNOUNCED_KEPT = 50;
/** Arrivals and departures kept for the list: two rounds of a full room. */
const COMINGS_KEPT = 500;
export const TILE_HUES = 6;

export class CallModel {
  readonly phase = signal<Phase>('connecting');
  readonly ended = signal<EndReason | null>(null);
  readonly members = signal<readonly RosterEntry[]>([]);
  readonly chat = signal<readonly ChatLine[]>([]);
  readonly unread = signal(0);
  readonly panel = signal<Panel>('none');
  readonly toasts = signal<readonly Toast[]>([]);
  /** The same messages for screen readers, which would miss those that others push off the screen. */
  readonly announced = signal<readonly Toast[]>([]);
  readonly comings = signal<readonly Coming[]>([]);
  readonly safety = signal<SafetyNumber | null>(null);
  /** Four groups of digits, while one waits. */
  readonly waitingCode = signal<string | null>(null);
  /** What the room's owner calls it; empty: nothing. */
  readonly title = signal('');
  readonly door = signal<Door | null>(null);
  /** When one began to wait. */
  readonly waitsSince = signal('');
  readonly moderation: Moderation;
  readonly invites: Invites;
  readonly trust: Trust;
  readonly sharing = signal(false);
  readonly soundBlocked = signal(false);
  /** Slots and the transport id whose picture they verifiably show. */
  readonly shownBy = signal<ReadonlyMap<PictureSlot, string>>(new Map());
  /** `audio0`… for slots, `self` for the own microphone. */
  readonly loud = signal<ReadonlySet<string>>(new Set());
  readonly operatorKeys: boolean;
  readonly tiles: ReadonlySignal<readonly Tile[]>;
  readonly screen: ReadonlySignal<ScreenShare | null>;
  #nextKey = 1;
  readonly #port: CallPort;
  readonly #words: CallWords;
  readonly #time: () => string;

  constructor(port: CallPort, words: CallWords, time: () => string, operatorKeys: boolean) {
    this.#port = port;
    this.#words = words;
    this.#time = time;
    this.operatorKeys = operatorKeys;
    this.moderation = new Moderation(
      (decision) => port.decide(decision),
      () => this.members.value.map(({ name }) => name),
      words.nameless,
    );
    this.invites = new Invites((decision) => port.decide(decision));
    this.trust = new Trust(() => this.members.value.find((member) => member.self)?.id ?? null, words.nameless);
    this.tiles = computed(() => this.#tiles());
    this.screen = computed(() => this.#screen());
  }

  handle(event: CallEvent): void {
    batch(() => {
      switch (event.e) {
        case 'phase':
          this.phase.value = event.phase;
          break;
        case 'ended':
          this.ended.value = event.reason;
          break;
        case 'roster':
          this.#roster(event.members);
          break;
        case 'chat':
          this.#line(event.name, event.text, event.mine, event.line);
          break;
        case 'unsure':
          this.chat.value = this.chat.value.map((line) => (line.mine && line.line === event.line ? { ...line, unsure: true } : line));
          break;
        case 'arrived':
        case 'returned':
          this.#coming(event.e, event.name);
          break;
        case 'departed':
          this.#coming(event.how, event.name);
          break;
        case 'title':
          this.title.value = event.title;
          break;
        case 'waitingCode':
          this.waitingCode.value = event.digits;
          break;
        case 'door':
          if (this.door.value === null) this.waitsSince.value = this.#time();
          this.door.value = event.door;
          break;
        case 'lobby':
          this.moderation.ask(event.asking, this.#time());
          break;
        case 'rules':
          this.#rules(event.rules);
          break;
        case 'invite':
          this.invites.add(event.fragment, event.serial, event.notAfterDay);
          break;
        case 'linkChanged':
          this.invites.linkChanged(event.fragment);
          this.toast('linkChanged', '');
          break;
        case 'credential':
          this.invites.credential.value = event.text;
          break;
        case 'alarms':
          this.trust.alarm(event.alarms);
          break;
        case 'compare':
          this.trust.compare(event);
          break;
        case 'compareOver':
          this.trust.compared();
          this.toast(event.changed ? 'compareChanged' : 'compared', '');
          break;
        case 'safetyNumber':
          // Only what was asked for is shown: a number that arrives after the panel was closed belongs to the past.
          if (this.panel.value === 'safety') this.safety.value = { digits: event.digits, time: this.#time() };
          break;
        case 'notice':
          this.toast(event.code, '');
          break;
      }
    });
  }

  send(text: string): boolean {
    const trimmed = text.trim();
    if (trimmed === '' || this.phase.value !== 'inCall' || this.moderation.forbidden('write') !== null) return false;
    this.#port.chat(trimmed);
    return true;
  }

  toggle(panel: Exclude<Panel, 'none'>): void {
    this.show(this.panel.value === panel ? 'none' : panel);
  }

  show(panel: Panel): void {
    batch(() => {
      this.panel.value = panel;
      if (panel === 'chat') this.unread.value = 0;
      this.safety.value = null;
      if (panel === 'safety') this.#port.showSafetyNumber();
    });
  }

  share(on: boolean): void {
    if (on && this.explain('screen')) return;
    if (on) this.#port.shareScreen();
    else this.#port.stopScreen();
  }

  /** Where somebody is host or moderator, only they may ask everybody to compare. */
  overComparing(): Hindrance | null {
    if (this.phase.value !== 'inCall') return 'offline';
    const led = this.members.value.some((member) => member.role !== 'guest');
    return led && !this.moderation.moderates.value ? 'guest' : null;
  }

  compareNow(): void {
    this.#port.compareNow();
  }

  unblockSound(): void {
    this.#port.unblockSound();
  }

  leave(): void {
    this.#port.leave();
  }

  /** The button: whoever would leave the others without anybody who can let people in is asked once. */
  wantToLeave(): void {
    const others = this.members.value.filter((member) => !member.self);
    const needed = this.moderation.role.value === 'host' || (this.moderation.moderates.value && others.every((member) => member.role === 'guest'));
    if (needed && others.length > 0 && this.panel.value !== 'leaving') this.show('leaving');
    else this.leave();
  }

  /** If a right is lacking, says why. */
  explain(right: RightName): boolean {
    const forbidden = this.moderation.forbidden(right);
    if (forbidden !== null) this.toast(`${right}-${forbidden}`, '');
    return forbidden !== null;
  }

  toast(kind: Toast['kind'], name: string): void {
    const toast: Toast = { key: this.#nextKey++, kind, name: shownName(name, this.#words.nameless) };
    // Said again at once, it is the same message.
    this.toasts.value = [...this.toasts.value.filter((shown) => shown.kind !== kind || shown.name !== toast.name), toast].slice(-TOASTS_SHOWN);
    this.announced.value = [...this.announced.value, toast].slice(-ANNOUNCED_KEPT);
  }

  #coming(kind: Coming['kind'], name: string): void {
    this.toast(kind, name);
    const coming: Coming = { key: this.#nextKey++, kind, name: shownName(name, this.#words.nameless), time: this.#time() };
    this.comings.value = [...this.comings.value, coming].slice(-COMINGS_KEPT);
  }

  /** Others' decisions about oneself are told in words. */
  #rules(rules: Rules): void {
    const { moderation } = this;
    const before = moderation.rules.value;
    moderation.rules.value = rules;
    // Nobody has shown a screen or written anything in the moment of joining: what guests may not is said when they try.
    const had = before?.muted ?? BITS.screen | BITS.write;
    for (const right of RIGHTS) {
      const [was, is] = [had & BITS[right], rules.muted & BITS[right]];
      const forbidden = moderation.forbidden(right);
      if (was === 0 && is !== 0 && forbidden !== null) this.toast(`${right}-${forbidden}`, '');
      else if (before !== null && was !== 0 && is === 0) this.toast(`${right}-free`, '');
    }
    if (before === null || before.role === rules.role) return;
    this.toast(rules.role === 'guest' ? 'dismissed' : 'appointed', '');
  }

  dismiss(key: number): void {
    this.toasts.value = this.toasts.value.filter((toast) => toast.key !== key);
  }

  /** The slot's frames are now those of `transport`; `null`: of nobody in particular, so nothing may be shown. */
  setShown(slot: PictureSlot, transport: string | null): void {
    const next = new Map(this.shownBy.value);
    if (transport === null) next.delete(slot);
    else next.set(slot, transport);
    this.shownBy.value = next;
  }

  #roster(members: readonly RosterEntry[]): void {
    const before = this.members.value.map((member) => member.id).sort().join();
    const after = members.map((member) => member.id).sort().join();
    this.members.value = members;
    // The number belongs to exactly these members; while it is on screen it follows them.
    if (this.panel.value === 'safety' && before !== after) {
      this.safety.value = null;
      this.#port.showSafetyNumber();
    }
  }

  #line(name: string, text: string, mine: boolean, number: number): void {
    const line: ChatLine = { key: this.#nextKey++, name: shownName(name, this.#words.nameless), text, mine, time: this.#time(), line: number, unsure: false };
    this.chat.value = [...this.chat.value, line].slice(-CHAT_KEPT);
    if (!mine && this.panel.value !== 'chat') this.unread.value += 1;
  }

  #tiles(): readonly Tile[] {
    const members = this.members.value;
    const twins = duplicateNames(members);
    const tiles = members.map((member): Tile => {
      const name = shownName(member.name, this.#words.nameless);
      const ear = member.self ? 'self' : `audio${member.slot ?? ''}`;
      return {
        id: member.id,
        transport: member.transport,
        name,
        initials: initials(name),
        hue: hue(member.id, TILE_HUES),
        role: member.role,
        keyed: member.keyed === true,
        muted: member.muted,
        invite: member.invite,
        self: member.self,
        twin: twins.has(member.id),
        microphone: member.microphone && (member.muted & Right.Microphone) === 0,
        camera: member.camera,
        hand: member.hand,
        hidden: member.hidden,
        lost: member.lost,
        slot: member.self ? null : member.slot,
        picture: !member.self && member.camera && !member.lost && this.#verified(member.slot, member.transport),
        speaking: member.microphone && (member.muted & Right.Microphone) === 0 && !member.lost && this.loud.value.has(ear),
      };
    });
    // Others first in a steady order, oneself last: people look for others.
    return [...tiles.filter((tile) => !tile.self), ...tiles.filter((tile) => tile.self)];
  }

  #screen(): ScreenShare | null {
    const member = this.members.value.find((entry) => entry.screenSlot && entry.screen && !entry.self) ?? this.members.value.find((entry) => entry.self && this.sharing.value);
    if (member === undefined) return null;
    return {
      id: member.id,
      transport: member.transport,
      name: shownName(member.name, this.#words.nameless),
      self: member.self,
      picture: member.self || this.#verified('screen', member.transport),
    };
  }

  #verified(slot: PictureSlot | null, transport: string): boolean {
    return slot !== null && this.shownBy.value.get(slot) === transport;
  }
}
