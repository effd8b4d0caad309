// The m-lines of our offer, in their fixed order, and the codecs that may be negotiated on them.
//
// The order is part of the protocol with the server: it relies on mids, but the first m-line of a kind fixes the codecs
// of all slots of that kind, so every m-line gets the same full list.

import { Codec, TrackKind, type NegotiatedPlace, type Role, type VideoCodec } from '../protocol/messages';

export interface Place {
  readonly medium: 'audio' | 'video';
  readonly side: 'send' | 'receive';
  readonly kind: TrackKind;
  readonly role: Role;
}

/** Audio and camera slots in pairs: the floor of eight microphones, each with its picture. */
export const PAIRS = 8;

const send = (medium: 'audio' | 'video', kind: TrackKind, role: Role): Place => ({ medium, side: 'send', kind, role });
const slot = (medium: 'audio' | 'video', kind: TrackKind, role: Role): Place => ({ medium, side: 'receive', kind, role });
const numbers = Array.from({ length: PAIRS }, (_, k) => k);

export const PLACES: readonly Place[] = [
  send('audio', TrackKind.Microphone, { role: 'microphone' }),
  send('video', TrackKind.Camera, { role: 'camera' }),
  send('video', TrackKind.Screen, { role: 'screen' }),
  send('audio', TrackKind.ScreenAudio, { role: 'screenAudio' }),
  ...numbers.map((k) => slot('audio', TrackKind.Microphone, { role: 'audioSlot', k })),
  ...numbers.map((k) => slot('video', TrackKind.Camera, { role: 'cameraSlot', k })),
  slot('video', TrackKind.Screen, { role: 'screenSlot' }),
  slot('audio', TrackKind.ScreenAudio, { role: 'screenAudioSlot' }),
];

interface CodecLine {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** VP9 other than profile 0 has more colours than any camera, and fewer decoders. */
function isProfileZero(codec: CodecLine): boolean {
  return !/profile-id=[1-9]/.test(codec.sdpFmtpLine ?? '');
}

/** What may be negotiated, best first; everything else (H264, AV1, RED, FEC, telephone tones) is left out. */
export function allowedCodecs<C extends CodecLine>(medium: 'audio' | 'video', all: readonly C[], first: VideoCodec): C[] {
  const named = (name: string) => all.filter((codec) => codec.mimeType.toLowerCase() === name);
  if (medium === 'audio') return named('audio/opus');
  const vp8 = named('video/vp8');
  const vp9 = named('video/vp9').filter(isProfileZero);
  const rtx = named('video/rtx');
  return first === Codec.Vp8 ? [...vp8, ...vp9, ...rtx] : [...vp9, ...vp8, ...rtx];
}

/** Bit 0: VP8, bit 1: VP9: what this browser can both encode and decode. */
export function codecMask(sending: readonly CodecLine[], receiving: readonly CodecLine[]): number {
  const both = (name: string) => [sending, receiving].every((list) => list.some((codec) => codec.mimeType.toLowerCase() === name && isProfileZero(codec)));
  return (both('video/vp8') ? 1 : 0) | (both('video/vp9') ? 2 : 0);
}

/** Reads mids and payload types from our own session description; m-lines stand in the order of `PLACES`. */
export function readNegotiated(sdp: string): NegotiatedPlace[] {
  return sectionsOf(sdp).flatMap((section, place) => {
    const mid = /^a=mid:(\S+)$/m.exec(section.replace(/\r/g, ''))?.[1];
    if (mid === undefined) return [];
    const codecs: [number, Codec][] = [];
    for (const [, number, name] of section.matchAll(/^a=rtpmap:(\d+) ([A-Za-z0-9]+)\//gm)) {
      const codec = { OPUS: Codec.Opus, VP8: Codec.Vp8, VP9: Codec.Vp9 }[(name ?? '').toUpperCase()];
      if (codec !== undefined) codecs.push([Number(number), codec]);
    }
    return [{ place, mid, codecs }];
  });
}

/** The SSRCs that our own session description names, with the places of their m-lines. */
export function readSources(sdp: string): ReadonlyMap<number, number> {
  const sources = new Map<number, number>();
  for (const [place, section] of sectionsOf(sdp).entries()) {
    for (const [, ssrc] of section.matchAll(/^a=ssrc:(\d+)/gm)) sources.set(Number(ssrc), place);
  }
  return sources;
}

function sectionsOf(sdp: string): string[] {
  return sdp.split(/\r?\n(?=m=)/).slice(1);
}
