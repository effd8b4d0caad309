import { describe, expect, it } from 'vitest';
import { mediaPort, RelayWatch, ways, type PathEntry } from './relay';

const relay = { url: 'turns:meet.example:443?transport=tcp', username: 'user', password: 'word' };
const ANSWER = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 2130706431 203.0.113.5 4443 typ host\r\na=candidate:2 1 udp 1 203.0.113.6 5 typ host\r\n';

describe('the ways that the browser is told', () => {
  it('are direct and TLS at first, and then the relay over UDP alone', () => {
    expect(ways(null, null)).toEqual({ iceServers: [], iceTransportPolicy: 'all' });
    expect(ways(relay, null)).toEqual({ iceServers: [{ urls: relay.url, username: 'user', credential: 'word' }], iceTransportPolicy: 'all' });
    expect(ways(relay, '4443')).toEqual({
      iceServers: [{ urls: 'turn:meet.example:4443?transport=udp', username: 'user', credential: 'word' }],
      iceTransportPolicy: 'relay',
    });
  });

  it('lead to the host of the link, whatever it looks like', () => {
    expect(ways({ ...relay, url: 'turns:[2001:db8::1]:443?transport=tcp' }, '9').iceServers[0]?.urls).toBe('turn:[2001:db8::1]:9?transport=udp');
  });

  it('have the port of the answer, or none', () => {
    expect(mediaPort(ANSWER)).toBe('4443');
    expect(mediaPort('v=0\r\n')).toBe(null);
  });
});

describe('a relayed path', () => {
  const path = (relayProtocol: string | undefined, selected: Partial<PathEntry>): PathEntry[] => [
    { type: 'transport', id: 'T', ...(selected.selected === true ? {} : { selectedCandidatePairId: 'P' }) },
    { type: 'candidate-pair', id: 'O', localCandidateId: 'other' },
    { type: 'candidate-pair', id: 'P', localCandidateId: 'L', ...selected },
    { type: 'local-candidate', id: 'other', relayProtocol: relayProtocol === 'tls' ? 'udp' : 'tls' },
    { type: 'local-candidate', id: 'L', ...(relayProtocol === undefined ? {} : { relayProtocol }) },
  ];
  const fires = (entries: (ms: number) => PathEntry[], toMs: number): number[] => {
    const [watch, times]: [RelayWatch, number[]] = [new RelayWatch(), []];
    for (let ms = 0; ms <= toMs; ms += 200) if (watch.look(ms, entries(ms))) times.push(ms);
    return times;
  };

  it('is told every five seconds over TLS, in both ways of marking the pair in use', () => {
    expect(fires(() => path('tls', {}), 10_000)).toEqual([5_000, 10_000]);
    expect(fires(() => path('tls', { selected: true }), 5_000)).toEqual([5_000]);
  });

  it('is not told while there is a better one, or when one came in between', () => {
    for (const better of ['udp', 'tcp', undefined]) expect(fires(() => path(better, {}), 60_000)).toEqual([]);
    expect(fires((ms) => path(ms === 3_000 ? undefined : 'tls', {}), 8_000)).toEqual([]);
    expect(fires(() => [], 60_000)).toEqual([]);
  });
});
