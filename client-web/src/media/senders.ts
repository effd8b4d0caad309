// Reads the statistics of what leaves: sums by sender, and whatever leaves that belongs to none of our senders. No DOM.
//
// SECURITY: sound or pictures that go out under no m-line of ours passed none of our transforms. They must not be passed
// over just because there is no sender to count them for.

import type { SenderStatistics } from '../state/selftest';
import { PLACES } from './plan';

/** An `outbound-rtp` entry, as far as browsers give it. */
export interface OutboundEntry {
  readonly type: string;
  readonly mid?: string;
  readonly ssrc?: number;
  readonly framesEncoded?: number;
  readonly packetsSent?: number;
  readonly bytesSent?: number;
  readonly retransmittedPacketsSent?: number;
  readonly retransmittedBytesSent?: number;
}

/** Where our own offer says an entry belongs; -1: nowhere. */
export interface Plan {
  placeOf(mid: string): number;
  placeOfSource(ssrc: number): number;
}

export interface Leaving {
  readonly senders: readonly SenderStatistics[];
  /** Something left that is none of our senders'. */
  readonly stray: boolean;
}

export function leaving(entries: readonly OutboundEntry[], plan: Plan): Leaving {
  const sums = new Map<number, SenderStatistics>();
  let stray = false;
  for (const entry of entries) {
    if (entry.type !== 'outbound-rtp') continue;
    const place = placeOf(entry, plan);
    const medium = PLACES[place]?.medium;
    if (medium === undefined) {
      // Before the first offer there are entries without a place; but nothing has left then.
      stray ||= (entry.bytesSent ?? 0) > 0;
      continue;
    }
    const sum = sums.get(place);
    sums.set(place, {
      place,
      medium,
      framesEncoded: (sum?.framesEncoded ?? 0) + (entry.framesEncoded ?? 0),
      packets: (sum?.packets ?? 0) + (entry.packetsSent ?? 0),
      bytes: (sum?.bytes ?? 0) + (entry.bytesSent ?? 0),
      repeatedPackets: (sum?.repeatedPackets ?? 0) + (entry.retransmittedPacketsSent ?? 0),
      repeatedBytes: (sum?.repeatedBytes ?? 0) + (entry.retransmittedBytesSent ?? 0),
    });
  }
  return { senders: [...sums.values()], stray };
}

/** By the mid; older browsers do not say it, but all say the SSRC, which stands in our own offer too. */
function placeOf({ mid, ssrc }: OutboundEntry, plan: Plan): number {
  if (mid !== undefined) return plan.placeOf(mid);
  return ssrc === undefined ? -1 : plan.placeOfSource(ssrc);
}
