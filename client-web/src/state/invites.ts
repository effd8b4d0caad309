// Personal invites that this host made, the link when it was changed, and the fresh key of a host. No DOM.
//
// Nobody keeps a list of invites: this one is gone with the page, and says so. Whoever came in by one carries its number in the roster.

import { signal } from '@preact/signals-core';
import type { Decision } from '../protocol/messages';

export interface MadeInvite {
  readonly serial: number;
  /** What stands behind # in the link. A secret of the one person it is for. */
  readonly fragment: string;
  /** Last day, in days since 1970-01-01. */
  readonly notAfterDay: number;
  readonly revoked: boolean;
}

/** How long an invite may be good for, in days: today's call, a week, a term. Longer ones end with the host's own credential at the latest. */
export const INVITE_DAYS = [1, 7, 90] as const;

export class Invites {
  readonly made = signal<readonly MadeInvite[]>([]);
  /** The text of a credential that was made of the deed, or for the new link: to be saved now, or never. */
  readonly credential = signal<string | null>(null);
  /** What stands behind # in the room's link, if it was changed in this call. */
  readonly link = signal<string | null>(null);
  readonly #decide: (decision: Decision) => void;

  constructor(decide: (decision: Decision) => void) {
    this.#decide = decide;
  }

  make(days: number): void {
    this.#decide({ t: 'invite', days });
  }

  add(fragment: string, serial: number, notAfterDay: number): void {
    this.made.value = [{ serial, fragment, notAfterDay, revoked: false }, ...this.made.value];
  }

  changeLink(): void {
    this.#decide({ t: 'changeLink' });
  }

  /** Invites end with their link. */
  linkChanged(fragment: string): void {
    this.link.value = fragment;
    this.made.value = this.made.value.map((invite) => ({ ...invite, revoked: true }));
  }

  revoke(serial: number): void {
    this.#decide({ t: 'revokeInvite', serial });
    this.made.value = this.made.value.map((invite) => (invite.serial === serial ? { ...invite, revoked: true } : invite));
  }

  /** The person says that it is kept. */
  credentialKept(): void {
    this.credential.value = null;
  }
}

/** The number that somebody noted; the protocol counts them in 32 bits. */
export function serialOf(text: string): number | null {
  const serial = /^\d{1,10}$/.test(text.trim()) ? Number(text.trim()) : Infinity;
  return serial <= 0xffff_ffff ? serial : null;
}
