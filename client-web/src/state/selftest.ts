// The running self-test: did anything leave this browser that the media worker did not seal? No DOM.
//
// Statistics and counts are two independent witnesses: the browser counts what went out as RTP, the media worker counts
// what it sealed. Measured in Chromium 156 and Firefox ESR 153 (whole, half and none of the frames let through the
// transform, muted, `replaceTrack(null)`):
//   - `framesEncoded` and `framesSent` count frames *before* the transform; both equal the worker's `seen`, always.
//   - audio: `packetsSent` equals `sealed` and `bytesSent` equals `sealedBytes`, exactly: one frame is one packet.
//   - video: `bytesSent` is `sealedBytes` plus a payload descriptor per packet, plus payloads repeated as bandwidth
//     probes, which `retransmittedBytesSent` does not contain.
// So frames the encoder made but the worker never saw are suspicious, and a leak if unexplained bytes left as well.
// A worker that stalls loses frames before the transform (browsers bound that queue), but no bytes leave for them.
//
// Counts are asked for before and after the statistics are read, and the worker counts before it hands a frame on: what
// the statistics hold was counted by the second answer. So a busy page can make this blind for a sample, never mistaken.
// Firefox starts a sender's statistics anew when its codec changes; that shows as numbers that fall.
//
// What it cannot find: a media worker that was replaced by one that lies. That is for an outside look at the wire.

import type { SenderCounts } from '../protocol/messages';

/** Sums over the `outbound-rtp` statistics of one sender. */
export interface SenderStatistics {
  readonly place: number;
  readonly medium: 'audio' | 'video';
  readonly framesEncoded: number;
  readonly packets: number;
  readonly bytes: number;
  readonly repeatedPackets: number;
  readonly repeatedBytes: number;
}

export interface Sample {
  readonly before: readonly SenderCounts[];
  readonly statistics: readonly SenderStatistics[];
  readonly after: readonly SenderCounts[];
}

/** Packets (of 20 ms) that may lack a count: none were ever seen; five are a tenth of a second. */
const AUDIO_SLACK_PACKETS = 5;
/** Frames between encoder and worker when the sample was taken: one or two. */
const VIDEO_SLACK_FRAMES = 3;
/** A payload descriptor is 1–6 bytes (VP8) or 1–13 (VP9 with picture sizes on key frames). */
const DESCRIPTOR_BYTES = 16;
/**
 * Bytes per unseen frame that must have left beyond explanation. A camera frame has some thousands. Smaller: a stalled
 * worker together with a bandwidth probe would end calls; larger: a leak at very low quality would go unnoticed.
 */
const LEAK_BYTES_PER_FRAME = 40;
/** Samples that a new one is compared with. Queues between worker and socket make single samples uneven. */
const MEMORY = 5;

/** Where a video sender stands, as charitably as the two counts allow. */
interface Standing {
  /** Frames encoded that never came to the worker. */
  readonly unseen: number;
  /** Bytes sent beyond those sealed and a full descriptor per packet; falls slowly while all is well. */
  readonly unexplained: number;
}

/** What an audio sender's statistics start from. */
interface Base {
  readonly sealed: number;
  readonly sealedBytes: number;
}

const NONE: Omit<SenderCounts, 'place'> = { seen: 0, sealed: 0, sealedBytes: 0 };
const START: Standing = { unseen: 0, unexplained: 0 };

/** Feed it a sample every two seconds; a returned place is a sender from which unsealed media may have left. */
export class SelfTest {
  #video = new Map<number, readonly Standing[]>();
  #audio = new Map<number, { readonly base: Base; readonly packets: number; readonly before: Base }>();

  check(sample: Sample): number | null {
    for (const statistics of sample.statistics) {
      const of = (counts: readonly SenderCounts[]) => counts.find((entry) => entry.place === statistics.place) ?? NONE;
      const leaked = statistics.medium === 'audio' ? this.#sound(statistics, of(sample.before), of(sample.after)) : this.#picture(statistics, of(sample.before), of(sample.after));
      if (leaked) return statistics.place;
    }
    return null;
  }

  /** Every packet is one sealed frame. Frames sealed but lost on the way (no connection yet) only delay the alarm. */
  #sound(statistics: SenderStatistics, before: Base, after: Base): boolean {
    const packets = statistics.packets - statistics.repeatedPackets;
    const bytes = statistics.bytes - statistics.repeatedBytes;
    const last = this.#audio.get(statistics.place);
    const restarted = last !== undefined && packets < last.packets;
    const base = last === undefined ? { sealed: 0, sealedBytes: 0 } : restarted ? last.before : last.base;
    this.#audio.set(statistics.place, { base, packets, before: { sealed: before.sealed, sealedBytes: before.sealedBytes } });
    return packets - (after.sealed - base.sealed) > AUDIO_SLACK_PACKETS && bytes > after.sealedBytes - base.sealedBytes;
  }

  /** Both must have grown beyond anything in memory: frames that went around the worker, and bytes nobody sealed. */
  #picture(statistics: SenderStatistics, before: Omit<SenderCounts, 'place'>, after: Omit<SenderCounts, 'place'>): boolean {
    const sent = statistics.bytes - statistics.repeatedBytes - DESCRIPTOR_BYTES * (statistics.packets - statistics.repeatedPackets);
    const standing = (counts: Omit<SenderCounts, 'place'>): Standing => ({ unseen: statistics.framesEncoded - counts.seen, unexplained: sent - counts.sealedBytes });
    const memory = this.#video.get(statistics.place) ?? [START];
    this.#video.set(statistics.place, [...memory, standing(before)].slice(-MEMORY));
    const now = standing(after);
    const unseen = now.unseen - Math.min(...memory.map((past) => past.unseen));
    const unexplained = now.unexplained - Math.max(...memory.map((past) => past.unexplained));
    return unseen > VIDEO_SLACK_FRAMES && unexplained > LEAK_BYTES_PER_FRAME * unseen;
  }
}
