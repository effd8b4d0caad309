// A look at a member's peer connection from outside: what the browser itself says about path, packets and codecs.
// The page's own code neither knows nor helps.
import { until } from './until.mjs';

/** Runs in the page before its own code: keeps every connection that the page makes. */
const KEEP = `(() => {
  if (typeof RTCPeerConnection === 'undefined') return;
  const Original = RTCPeerConnection;
  const made = [];
  const told = [];
  globalThis.__peers = made;
  globalThis.__told = told;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(configuration) {
      super(configuration);
      made.push(this);
    }
    setConfiguration(configuration) {
      told.push(configuration.iceTransportPolicy);
      super.setConfiguration(configuration);
    }
  };
})();`;

/** As if this browser had no VP9: neither the list of what it sends nor of what it receives names it. */
const WITHOUT_VP9 = `(() => {
  if (typeof RTCRtpReceiver === 'undefined') return;
  for (const end of [RTCRtpReceiver, RTCRtpSender]) {
    const list = end.getCapabilities.bind(end);
    end.getCapabilities = (kind) => {
      const all = list(kind);
      return all === null ? all : { ...all, codecs: all.codecs.filter((codec) => codec.mimeType.toLowerCase() !== 'video/vp9') };
    };
  }
})();`;

/** For `before` of `Member.open`. */
export const keepPeers = ({ vp9 = true } = {}) => async (page) => {
  await page.evaluateOnNewDocument(KEEP);
  if (!vp9) await page.evaluateOnNewDocument(WITHOUT_VP9);
};

/** How many connections the page has made, and the state of the newest. */
export function peer(member) {
  return member.page.evaluate(() => ({ made: globalThis.__peers.length, state: globalThis.__peers.at(-1)?.connectionState ?? null }));
}

/**
 * The way in use, as the browser's own statistics say: the kind of its own end (`host`, `relay`), how a relay is reached (`udp`, `tls`; null:
 * it says nothing of that), and the address at the other end. Null: none yet.
 */
export function way(member) {
  return member.page.evaluate(async () => {
    const stats = await globalThis.__peers.at(-1).getStats();
    const all = [...stats.values()];
    const chosen = all.find((entry) => entry.type === 'transport')?.selectedCandidatePairId;
    const pair = all.find((entry) => entry.type === 'candidate-pair' && (entry.id === chosen || entry.selected === true));
    if (pair === undefined) return null;
    const [own, other] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    return { kind: own?.candidateType ?? null, by: own?.relayProtocol ?? null, to: other?.address ?? other?.ip ?? null };
  });
}

/** Which ways the page has told the browser to use since its connections were made, in order: `all` or `relay`. */
export function told(member) {
  return member.page.evaluate(() => globalThis.__told);
}

/**
 * Codecs of the pictures that come in at this moment and go out: { in: { mid: 'vp9' }, out: { mid: 'vp9' } }.
 * Streams whose count of frames is the same as at the last call are left out, and so are all at the first call.
 */
export function flowing(member) {
  return member.page.evaluate(async () => {
    const report = await globalThis.__peers.at(-1).getStats();
    globalThis.__before ??= new Map();
    const found = { in: {}, out: {} };
    report.forEach((entry) => {
      if (entry.kind !== 'video' || (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp')) return;
      const count = entry.type === 'inbound-rtp' ? (entry.framesDecoded ?? 0) : (entry.framesEncoded ?? 0);
      const key = `${entry.type} ${entry.ssrc}`;
      const before = globalThis.__before.get(key);
      globalThis.__before.set(key, count);
      if (before === undefined || count === before) return;
      const codec = report.get(entry.codecId)?.mimeType?.toLowerCase().replace('video/', '') ?? 'unknown';
      found[entry.type === 'inbound-rtp' ? 'in' : 'out'][entry.mid ?? entry.ssrc] = codec;
    });
    return found;
  });
}

/** Packets received so far, on whatever path. Firefox never answers for a connection that is closed meanwhile: that counts as none. */
export function packetsIn(member) {
  return member.page.evaluate(async () => {
    let packets = 0;
    const patience = new Promise((resolve) => setTimeout(resolve, 2_000, []));
    (await Promise.race([globalThis.__peers.at(-1).getStats(), patience])).forEach((entry) => {
      if (entry.type === 'inbound-rtp') packets += entry.packetsReceived ?? 0;
    });
    return packets;
  });
}

/** Waits like `until`, and resolves with the longest time, in milliseconds, in which no packet came meanwhile. */
export async function longestSilence(what, ms, member, look) {
  let [last, packets, longest] = [performance.now(), await packetsIn(member), 0];
  const both = async () => {
    const [now, seen] = [performance.now(), await packetsIn(member)];
    if (seen > packets) [last, packets] = [now, seen];
    longest = Math.max(longest, now - last);
    return look();
  };
  await until(what, ms, both, async () => `${JSON.stringify([await way(member), await told(member)])}; ${await member.describe()}`);
  return longest;
}
