import { describe, expect, it } from 'vitest';
import { leaving, type OutboundEntry, type Plan } from './senders';

const plan: Plan = {
  placeOf: (mid) => ['0', '1', '2', '3'].indexOf(mid),
  placeOfSource: (ssrc) => [1000, 1001].indexOf(ssrc),
};
const out = (entry: Partial<OutboundEntry>): OutboundEntry => ({ type: 'outbound-rtp', bytesSent: 100, packetsSent: 2, ...entry });

describe('what leaves', () => {
  it('is summed by sender: a codec change may begin a second entry', () => {
    const { senders, stray } = leaving([out({ mid: '1', framesEncoded: 2, retransmittedBytesSent: 9 }), out({ mid: '1', framesEncoded: 3, retransmittedPacketsSent: 1 })], plan);
    expect(senders).toEqual([{ place: 1, medium: 'video', framesEncoded: 5, packets: 4, bytes: 200, repeatedPackets: 1, repeatedBytes: 9 }]);
    expect(stray).toBe(false);
  });

  it('finds its sender by SSRC where the browser does not say the mid', () => {
    const { senders, stray } = leaving([out({ ssrc: 1000 }), out({ ssrc: 1001 })], plan);
    expect(senders.map(({ place }) => place)).toEqual([0, 1]);
    expect(stray).toBe(false);
  });

  it('is stray without a sender of ours, whatever the entry lacks', () => {
    for (const entry of [out({ mid: '77' }), out({ mid: '77', ssrc: 1000 }), out({ ssrc: 5 }), out({})]) {
      expect(leaving([out({ mid: '0' }), entry], plan).stray).toBe(true);
    }
  });

  it('is not stray while nothing left, as before the first answer', () => {
    const before: Plan = { placeOf: () => -1, placeOfSource: () => -1 };
    expect(leaving([out({ mid: '0', bytesSent: 0 }), { type: 'outbound-rtp' }, { type: 'inbound-rtp', mid: '9', bytesSent: 7 }], before)).toEqual({ senders: [], stray: false });
  });
});
