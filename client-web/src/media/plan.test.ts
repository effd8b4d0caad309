import { describe, expect, it } from 'vitest';
import { allowedCodecs, codecMask, PLACES, readNegotiated, readSources } from './plan';

const CHROMIUM = [
  { mimeType: 'video/VP8' }, { mimeType: 'video/rtx' }, { mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=0' },
  { mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=2' }, { mimeType: 'video/H264', sdpFmtpLine: 'profile-level-id=42001f' },
  { mimeType: 'video/AV1' }, { mimeType: 'video/red' }, { mimeType: 'video/flexfec-03' },
];
const FIREFOX = [{ mimeType: 'video/VP8', sdpFmtpLine: 'max-fs=12288;max-fr=60' }, { mimeType: 'video/rtx' }, { mimeType: 'video/VP9', sdpFmtpLine: 'max-fs=12288;max-fr=60' }];

describe('the plan of the connection', () => {
  it('keeps the order that the server was promised', () => {
    expect(PLACES.map(({ medium, side, role }) => `${medium[0]}${side[0]} ${role.role}`)).toEqual([
      'as microphone', 'vs camera', 'vs screen', 'as screenAudio',
      ...Array.from({ length: 8 }, () => 'ar audioSlot'), ...Array.from({ length: 8 }, () => 'vr cameraSlot'),
      'vr screenSlot', 'ar screenAudioSlot',
    ]);
  });

  it('offers Opus, VP9 profile 0, VP8 and repetition only', () => {
    expect(allowedCodecs('video', CHROMIUM, 2).map((codec) => codec.mimeType)).toEqual(['video/VP9', 'video/VP8', 'video/rtx']);
    expect(allowedCodecs('video', CHROMIUM, 1).map((codec) => codec.mimeType)).toEqual(['video/VP8', 'video/VP9', 'video/rtx']);
    expect(allowedCodecs('audio', [{ mimeType: 'audio/opus' }, { mimeType: 'audio/red' }, { mimeType: 'audio/telephone-event' }], 2)).toEqual([{ mimeType: 'audio/opus' }]);
  });

  it('claims only codecs that go both ways', () => {
    expect(codecMask(CHROMIUM, FIREFOX)).toBe(3);
    expect(codecMask(CHROMIUM, [{ mimeType: 'video/VP8' }])).toBe(1);
    expect(codecMask([{ mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=2' }], CHROMIUM)).toBe(0);
  });

  it('reads mids and payload types, and no codec it did not ask for', () => {
    const sdp = ['v=0', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=rtpmap:111 opus/48000/2', 'm=video 9 UDP/TLS/RTP/SAVPF 98 96 97', 'a=mid:v1', 'a=rtpmap:98 VP9/90000', 'a=rtpmap:97 rtx/90000', 'a=rtpmap:96 VP8/90000', ''].join('\r\n');
    expect(readNegotiated(sdp)).toEqual([
      { place: 0, mid: '0', codecs: [[111, 0]] },
      { place: 1, mid: 'v1', codecs: [[98, 2], [96, 1]] },
    ]);
    expect(readNegotiated('')).toEqual([]);
  });

  it('finds the place of each SSRC of ours, repeats included', () => {
    const sdp = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ssrc:11 cname:x', 'm=video 9 UDP/TLS/RTP/SAVPF 98', 'a=ssrc-group:FID 22 23', 'a=ssrc:22 cname:x', 'a=ssrc:23 cname:x', 'a=ssrc:23 msid:- y', ''].join('\r\n');
    expect([...readSources(sdp)]).toEqual([[11, 0], [22, 1], [23, 1]]);
  });
});
