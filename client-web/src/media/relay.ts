// The server's own TURN: how it is named to the browser, and when another way to it is worth a try. No DOM, no clock of its own.
//
// Over TLS it is named from the beginning, for networks that block UDP. Over UDP, at the media's own port, it is not: Chromium hands everything
// from a TURN server's address and port to its TURN client, and a direct path from that very address and port would lose its
// handshake. Only when media has come over TLS for a while, so that there is no direct path to lose, it is named instead, and the browser
// told to use relays alone (with both named, Firefox takes what answers first and keeps it). The path in use stays until the new one
// is there. If it does not come, all goes back. That helps where the server's name is right and the address that it tells is not, and on networks that reach old
// addresses by name only (NAT64).

import type { Relay } from '../protocol/messages';

/**
 * Sound over TLS for this long: no direct path is to be found. Shorter: a direct one that is found late on a bad path is given up. Longer: people
 * whom UDP reaches hear late for longer, as lost bytes hold up those behind them on TCP.
 */
const RELAYED_MS = 5_000;

/** What the browser is told. `port`: of TURN over UDP, alone; null: TURN over TLS, beside the direct ways. */
export function ways(relay: Relay | null, port: string | null): Required<Pick<RTCConfiguration, 'iceServers' | 'iceTransportPolicy'>> {
  const iceTransportPolicy = port === null ? 'all' : 'relay';
  if (relay === null) return { iceServers: [], iceTransportPolicy };
  const { url, username, password: credential } = relay;
  // SECURITY: the host is that of the link; of what the server says, only a port is used.
  const urls = port === null ? url : url.replace(/^turns(.*):\d+\?.*/, `turn$1:${port}?transport=udp`);
  return { iceServers: [{ urls, username, credential }], iceTransportPolicy };
}

/** The port of the server's media, from its answer. One that is none the browser refuses. */
export function mediaPort(sdp: string): string | null {
  return /^a=candidate:.* udp .* (\d+) typ host/im.exec(sdp)?.[1] ?? null;
}

/** What is read of the browser's statistics. */
export interface PathEntry {
  readonly type: string;
  readonly id: string;
  readonly selectedCandidatePairId?: string;
  readonly selected?: boolean;
  readonly localCandidateId?: string;
  readonly relayProtocol?: string;
}

/** Feed it the statistics, several times a second; `true`: media has come over TLS for a while, once in each such while. */
export class RelayWatch {
  #sinceMs: number | null = null;

  look(nowMs: number, entries: readonly PathEntry[]): boolean {
    this.#sinceMs = isOverTls(entries) ? (this.#sinceMs ?? nowMs) : null;
    if (this.#sinceMs === null || nowMs - this.#sinceMs < RELAYED_MS) return false;
    this.#sinceMs = nowMs;
    return true;
  }
}

function isOverTls(entries: readonly PathEntry[]): boolean {
  const chosen = entries.find((entry) => entry.type === 'transport')?.selectedCandidatePairId;
  const pair = entries.find((entry) => entry.type === 'candidate-pair' && (entry.id === chosen || entry.selected === true));
  return entries.find((entry) => entry.type === 'local-candidate' && entry.id === pair?.localCandidateId)?.relayProtocol === 'tls';
}
