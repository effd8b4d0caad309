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
// Statistics are read first and counts asked for afterwards, and the worker counts before it hands a frame on: what the
// statistics hold has been counted. So there is no tolerance for frames in flight, only for the granularity below.
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
  readonly statistics: readonly SenderStatistics[];
  readonly counts: readonly SenderCounts[];
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

interface Standing {
  /** Frames encoded that never came to the worker. */
  readonly unseen: number;
  /** Bytes sent beyond those sealed and a full descriptor per packet; falls slowly while all is well. */
  readonly unexplained: number;
}

const START: Standing = { unseen: 0, unexplained: 0 };

/** Feed it a sample every two seconds; a returned place is a sender from which unsealed media may have left. */
export class SelfTest {
  #before = new Map<number, readonly Standing[]>();

  /** Forgets what was: to be called when a new peer connection starts its counters at nothing. */
  restart(): void {
    this.#before.clear();
  }

  check(sample: Sample): number | null {
    for (const statistics of sample.statistics) {
      const counts = sample.counts.find((entry) => entry.place === statistics.place);
      const packets = statistics.packets - statistics.repeatedPackets;
      const bytes = statistics.bytes - statistics.repeatedBytes;
      const sealedBytes = counts?.sealedBytes ?? 0;
      if (statistics.medium === 'audio') {
        const uncounted = packets - (counts?.sealed ?? 0);
        if (uncounted > AUDIO_SLACK_PACKETS && bytes > sealedBytes) return statistics.place;
        continue;
      }
      const now: Standing = {
        unseen: statistics.framesEncoded - (counts?.seen ?? 0),
        unexplained: bytes - sealedBytes - DESCRIPTOR_BYTES * packets,
      };
      const before = this.#before.get(statistics.place) ?? [START];
      const unseen = now.unseen - Math.min(...before.map((standing) => standing.unseen));
      const unexplained = now.unexplained - Math.max(...before.map((standing) => standing.unexplained));
      if (unseen > VIDEO_SLACK_FRAMES && unexplained > LEAK_BYTES_PER_FRAME * unseen) return statistics.place;
      this.#before.set(statistics.place, [...before, now].slice(-MEMORY));
    }
    return null;
  }
}
