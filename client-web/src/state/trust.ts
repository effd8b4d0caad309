// What may not be as it should in a call, and comparing the number. No DOM.
//
// The core works the alarms out and says all of them whenever one changes; here they only become lines for the screen.

import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import type { Alarms, OffersLess } from '../protocol/messages';
import { shownName } from './names';

/** About whom an alarm is. Oneself is named apart: "you" is told other words. */
export interface AlarmLine {
  readonly kind: 'digestsDiffer' | 'withheld' | 'removalStuck' | 'silent';
  readonly names: readonly string[];
  readonly self: boolean;
  /** Of a removal: one's own client sends nothing until it is done. */
  readonly stopped: boolean;
}

/** The number that everybody compares right now. */
export interface Comparison {
  readonly digits: string;
  readonly by: string;
  readonly mine: boolean;
}

/** Loud ones first. */
const ORDER: readonly AlarmLine['kind'][] = ['digestsDiffer', 'withheld', 'removalStuck', 'silent'];

export class Trust {
  readonly lines: ReadonlySignal<readonly AlarmLine[]>;
  readonly offersLess: ReadonlySignal<OffersLess | null>;
  readonly comparison = signal<Comparison | null>(null);
  readonly #alarms = signal<Alarms | null>(null);
  readonly #nameless: string;

  /** `self`: one's own member id, once it is known. */
  constructor(self: () => string | null, nameless: string) {
    this.#nameless = nameless;
    this.lines = computed(() => {
      const alarms = this.#alarms.value;
      if (alarms === null) return [];
      return ORDER.map((kind) => line(kind, alarms, self(), nameless)).filter(({ names, self: own }) => own || names.length > 0);
    });
    this.offersLess = computed(() => this.#alarms.value?.serverOffersLess ?? null);
  }

  alarm(alarms: Alarms): void {
    this.#alarms.value = alarms;
  }

  compare(comparison: Comparison): void {
    this.comparison.value = { ...comparison, by: shownName(comparison.by, this.#nameless) };
  }

  compared(): void {
    this.comparison.value = null;
  }
}

function line(kind: AlarmLine['kind'], alarms: Alarms, self: string | null, nameless: string): AlarmLine {
  const suspects = alarms[kind];
  const others = suspects.filter(({ id }) => id !== self);
  return { kind, names: others.map(({ name }) => shownName(name, nameless)), self: others.length < suspects.length, stopped: kind === 'removalStuck' && alarms.stopped };
}
