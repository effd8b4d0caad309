// The rules of a call, who asks to be let in, and what hosts and moderators decide. No DOM.
//
// It only asks. Whether a decision counts is judged by every member's core, so nothing here protects anybody: `hindrance` exists
// so that a button which could do nothing says why.

import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import { Right, SHARING, type Asking, type Decision, type RoleName, type Rules } from '../protocol/messages';
import { nameKey, shownName } from './names';

export type RightName = 'microphone' | 'camera' | 'screen' | 'write';
export const RIGHTS: readonly RightName[] = ['microphone', 'camera', 'screen', 'write'];
/** The bits that stand for each. */
export const BITS: Readonly<Record<RightName, number>> = { microphone: Right.Microphone, camera: Right.Camera, screen: SHARING, write: Right.Write };

/** Why somebody may not do something: by what holds for all guests, or because they were muted themselves. */
export type Forbidden = 'rule' | 'muted';
/** Why a decision is not this member's to make, or would change nothing. */
export type Hindrance = 'guest' | 'onlyHosts' | 'hostsAlone' | 'guestRule' | 'offline';

export interface AskingRow extends Asking {
  /** When this was seen first. */
  readonly since: string;
  /** Somebody in the call, or somebody else who asks, has the same name. */
  readonly twin: boolean;
}

/** One member as somebody may decide about them. */
export interface Subject {
  readonly role: RoleName;
  readonly muted: number;
}

export class Moderation {
  readonly rules = signal<Rules | null>(null);
  readonly role: ReadonlySignal<RoleName> = computed(() => this.rules.value?.role ?? 'guest');
  readonly moderates: ReadonlySignal<boolean> = computed(() => this.role.value !== 'guest');
  /** Nobody here has proven to be the room's owner. `false` until the rules are known. */
  readonly noHost: ReadonlySignal<boolean> = computed(() => this.rules.value?.hostPresent === false);
  readonly asking: ReadonlySignal<readonly AskingRow[]>;
  readonly #asking = signal<readonly (Asking & { readonly since: string })[]>([]);
  readonly #decide: (decision: Decision) => void;

  /** `names`: of those in the call. */
  constructor(decide: (decision: Decision) => void, names: () => readonly string[], nameless: string) {
    this.#decide = decide;
    this.asking = computed(() => {
      const waiting = this.#asking.value;
      const keys = [...names(), ...waiting.map(({ name }) => name)].map(nameKey);
      const twin = (name: string): boolean => keys.filter((key) => key === nameKey(name)).length > 1;
      return waiting.map((row) => ({ ...row, name: shownName(row.name, nameless), twin: twin(row.name) }));
    });
  }

  decide(decision: Decision): void {
    this.#decide(decision);
  }

  /** Who asks now, in the order in which they were first seen. */
  ask(asking: readonly Asking[], time: string): void {
    const before = new Map(this.#asking.value.map((row) => [row.code, row.since]));
    this.#asking.value = asking.map((row) => ({ ...row, since: before.get(row.code) ?? time }));
  }

  /** What keeps this member from using one of their own rights. */
  forbidden(right: RightName): Forbidden | null {
    const rules = this.rules.value;
    if (rules === null || (rules.muted & BITS[right]) === 0) return null;
    return rules.role === 'guest' && (rules.guests & BITS[right]) !== BITS[right] ? 'rule' : 'muted';
  }

  /** What keeps this member from muting, removing or barring somebody. */
  over(subject: Subject): Hindrance | null {
    if (!this.moderates.value) return 'guest';
    return subject.role !== 'guest' && this.role.value !== 'host' ? 'hostsAlone' : null;
  }

  /** The same for one of somebody's rights: a right that no guest has cannot be given to one of them. */
  overRight(subject: Subject, right: RightName): Hindrance | null {
    const hindrance = this.over(subject);
    if (hindrance !== null) return hindrance;
    return subject.role === 'guest' && ((this.rules.value?.guests ?? 0) & BITS[right]) === 0 ? 'guestRule' : null;
  }

  /** What keeps this member from the rules of the call. */
  overRules(): Hindrance | null {
    return this.moderates.value ? null : 'guest';
  }

  /** What keeps this member from appointing, dismissing and ending. */
  overRoles(): Hindrance | null {
    return this.role.value === 'host' ? null : 'onlyHosts';
  }

  guestsMay(right: RightName): boolean {
    return ((this.rules.value?.guests ?? 0) & BITS[right]) === BITS[right];
  }

  letGuests(right: RightName, on: boolean): void {
    const guests = this.rules.value?.guests ?? 0;
    this.decide({ t: 'guests', allowed: on ? guests | BITS[right] : guests & ~BITS[right] });
  }

  /**
   * Takes somebody out for good. Whoever opens the link anew is somebody new to everybody, and only a host's eye can tell: so
   * from then on newcomers are asked for, too.
   */
  ban(member: string): void {
    this.decide({ t: 'remove', member, bar: true });
    if (this.rules.value?.lobby !== true) this.decide({ t: 'lobby', on: true });
  }
}
