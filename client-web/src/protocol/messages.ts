// The one typed protocol between the page, the core worker and the media worker.
//
// What it is for: everything that crosses a worker boundary is a member of one of the unions below. What it does not
// do: it holds no behaviour and knows neither DOM nor WebAssembly.
//
// SECURITY: keys go from the core worker to the media worker over a port of their own (`CoreToMedia`); no message to or
// from the page has a place where a key of a call would fit, but one: the record of a person's place, which only the page can store,
// and which the core worker hands out only to those who ticked the box for it. An owner's keys cross it: a person gives them, or is given them to keep.

import type { DepartureName, DoorName, EndName, LinkFault, NoticeName, OrganiseFault, OwnerFault, RoleName, StateName } from '../generated/core/conclave_core_wasm.js';

/** What a track carries; the numbers are those of the wire protocol. */
export const TrackKind = { Microphone: 0, Camera: 1, Screen: 2, ScreenAudio: 3 } as const;
export type TrackKind = (typeof TrackKind)[keyof typeof TrackKind];

/** Codecs that may be negotiated; the numbers are those authenticated with each frame. */
export const Codec = { Opus: 0, Vp8: 1, Vp9: 2 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];
export type VideoCodec = typeof Codec.Vp8 | typeof Codec.Vp9;

/** What one m-line of our offer is for. `k` numbers the audio and camera slots, which are paired. */
export type Role =
  | { readonly role: 'microphone' | 'camera' | 'screen' | 'screenAudio' | 'screenSlot' | 'screenAudioSlot' }
  | { readonly role: 'audioSlot' | 'cameraSlot'; readonly k: number };
export type MidRole = Role & { readonly mid: string };

/** Why a link cannot be used: the core's words (core-wasm/src/names.rs), and a good link for servers other than this one. */
export type LinkProblem = LinkFault | 'otherServer';

export type ParsedLink =
  /** `personal`: for one person alone. `ticket`: it makes a room, and is no meeting to join. */
  | { readonly ok: true; readonly ticket?: true; readonly servers: readonly string[]; readonly operatorKeys: boolean; readonly personal: boolean }
  | { readonly ok: false; readonly problem: LinkProblem };

/** What an organiser or owner decides about a room. `guests`: bits of `Right`, or what is usual; days since 1970-01-01. */
export interface RoomTerms {
  readonly title: string;
  readonly begin: 'host' | 'anyone';
  readonly lobby: boolean;
  readonly guests: number | null;
  /** Everybody stops sending while a removal does not take effect. */
  readonly strict: boolean;
  readonly lastDay: number;
}

/** What an organiser gets. `guestLink` is a fragment without its #. */
export interface MadeRoom {
  readonly guestLink: string;
  readonly credential: string;
  readonly deed: string;
  /** Moderators' keys, as many as were asked for. */
  readonly moderators: readonly string[];
  readonly lastDay: number;
}

/** A room as its owner reads it at the server, with what the operator leaves of it. */
export interface KeptRoom extends RoomTerms {
  readonly lastDayInForce: number;
  readonly latestDay: number;
  readonly members: number;
  readonly membersInForce: number;
  readonly guestLink: string;
  /** The key that was given is the deed: with it a lost credential is made anew, and nothing else changed. */
  readonly byDeed: boolean;
  /** The credential that was just made. */
  readonly credential: string | null;
}

/** Why a room was not made or changed. */
export type OrganiseProblem = OrganiseFault | 'serverAway';
export type Made = { readonly ok: true; readonly room: MadeRoom } | { readonly ok: false; readonly problem: OrganiseProblem };
/** `room` is `null` once it is deleted. */
export type Kept = { readonly ok: true; readonly room: KeptRoom | null } | { readonly ok: false; readonly problem: OrganiseProblem };
/** `link`: the guest link that is open; a deed needs it. */
export type RoomErrand = { readonly t: 'read'; readonly owner: string; readonly link: string | null } | { readonly t: 'restore' } | { readonly t: 'change'; readonly terms: RoomTerms } | { readonly t: 'delete' };

/** An owner's or moderator's key that was given: what it opens, or why it is of no use. */
export type ReadOwner =
  | { readonly ok: true; readonly moderator: boolean; readonly link: string; readonly servers: readonly string[]; readonly operatorKeys: boolean }
  | { readonly ok: false; readonly problem: OwnerFault };
export type { OwnerFault, RoleName };

/** What a member may: a bit per track kind, and one for writing. */
export const Right = { Microphone: 1, Camera: 2, Screen: 4, ScreenAudio: 8, Write: 16 } as const;
/** A screen is shown with its sound or not at all. */
export const SHARING = Right.Screen | Right.ScreenAudio;
export const ALL_RIGHTS = 31;

/** What somebody who waits waits for. */
export type Door = DoorName;

/** Why a call is over for us. The core's own words, like the next two: `text/en.ts` does not compile without a text for each. */
export type EndReason = EndName;

export type Phase = Exclude<StateName, 'ended'>;

/** Something worth a short sentence on the screen. */
export type NoticeCode = NoticeName;

/** One member as the group knows it. Ids are opaque and serve as keys only. */
export interface RosterEntry {
  readonly id: string;
  readonly transport: string;
  readonly name: string;
  readonly role: RoleName;
  /** They moderate by a key of their own. */
  readonly keyed?: true;
  /** Bits of `Right` that this member lacks. */
  readonly muted: number;
  /** The number of the personal invite by which they came, if they did. */
  readonly invite: number | null;
  readonly self: boolean;
  readonly camera: boolean;
  readonly microphone: boolean;
  readonly screen: boolean;
  readonly hand: boolean;
  readonly hidden: boolean;
  readonly lost: boolean;
  /** The audio and camera slot pair that carries this member, if one does. */
  readonly slot: number | null;
  /** The screen slot shows this member's screen. */
  readonly screenSlot: boolean;
}

/** Somebody who asks to be let in. The name is their own choice; the code stands on their screen, too. */
export interface Asking {
  readonly id: string;
  readonly name: string;
  readonly code: string;
  /** The number of their personal invite, if they showed one that counts. */
  readonly invite: number | null;
}

/** The rules of the call, and one's own place in them. */
export interface Rules {
  readonly role: RoleName;
  readonly hostPresent: boolean;
  readonly lobby: boolean;
  readonly locked: boolean;
  /** Bits of `Right` that guests have. */
  readonly guests: number;
  /** Bits that oneself lacks. */
  readonly muted: number;
  /** Whoever shows a personal invite comes in without asking. */
  readonly invitedEnter: boolean;
}

/** Somebody whom an alarm is about. */
export interface Suspect {
  readonly id: string;
  readonly name: string;
}

/** A limit that is lower than the room's owner signed. */
export interface LowerLimit {
  readonly offered: number;
  readonly signed: number;
}
export type OffersLess = Readonly<Record<'members' | 'seats' | 'calls', LowerLimit | null>>;

/** All that may not be as it should; what does not stand here any more is over. */
export interface Alarms {
  readonly digestsDiffer: readonly Suspect[];
  readonly silent: readonly Suspect[];
  readonly withheld: readonly Suspect[];
  readonly removalStuck: readonly Suspect[];
  /** This member sends nothing until it takes effect. */
  readonly stopped: boolean;
  readonly serverOffersLess: OffersLess | null;
}

/** How somebody went: by their own word, by silence, or taken out by others. */
export type Departure = DepartureName;

export type CallEvent =
  | { readonly e: 'phase'; readonly phase: Phase }
  | { readonly e: 'ended'; readonly reason: EndReason }
  | { readonly e: 'roster'; readonly members: readonly RosterEntry[] }
  /** `line` counts the lines of this tab. */
  | { readonly e: 'chat'; readonly name: string; readonly text: string; readonly mine: boolean; readonly line: number }
  /** A line of one's own perhaps reached nobody, and is not said again. */
  | { readonly e: 'unsure'; readonly line: number }
  | { readonly e: 'arrived'; readonly name: string }
  /** Somebody who was lost is there again: the same member. */
  | { readonly e: 'returned'; readonly name: string }
  | { readonly e: 'departed'; readonly name: string; readonly how: Departure }
  | { readonly e: 'safetyNumber'; readonly digits: string }
  | { readonly e: 'waitingCode'; readonly digits: string }
  /** What the room's owner calls it. */
  | { readonly e: 'title'; readonly title: string }
  | { readonly e: 'door'; readonly door: Door }
  | { readonly e: 'lobby'; readonly asking: readonly Asking[] }
  | { readonly e: 'rules'; readonly rules: Rules }
  /** A personal invite that this member made: what stands behind # in its link. */
  | { readonly e: 'invite'; readonly fragment: string; readonly serial: number; readonly notAfterDay: number }
  /** The room has another link: what stands behind # in it. */
  | { readonly e: 'linkChanged'; readonly fragment: string }
  /** A host credential that was made of the deed, or because the link changed. */
  | { readonly e: 'credential'; readonly text: string }
  | { readonly e: 'alarms'; readonly alarms: Alarms }
  | { readonly e: 'compare'; readonly digits: string; readonly by: string; readonly mine: boolean }
  /** `changed`: somebody came or went, and the number that was compared is not the call's any more. */
  | { readonly e: 'compareOver'; readonly changed: boolean }
  | { readonly e: 'notice'; readonly code: NoticeCode };

/** What hosts and moderators decide. From anybody else the core makes nothing of it, and neither does any other member. */
export type Decision =
  | { readonly t: 'admit' | 'refuse' | 'appoint' | 'dismiss'; readonly member: string }
  | { readonly t: 'admitAll' | 'endForAll' | 'changeLink' | 'endOlderKeys' }
  | { readonly t: 'remove'; readonly member: string; readonly bar: boolean }
  | { readonly t: 'muteMember'; readonly member: string; readonly kinds: number; readonly on: boolean }
  | { readonly t: 'muteAll'; readonly kinds: number; readonly on: boolean }
  | { readonly t: 'lobby' | 'lock' | 'invitedEnter'; readonly on: boolean }
  | { readonly t: 'invite'; readonly days: number }
  | { readonly t: 'revokeInvite'; readonly serial: number }
  | { readonly t: 'guests'; readonly allowed: number };

/** What a person wants; passed on to the core as it is. */
export type Intent =
  | Decision
  | { readonly t: 'mediaReady'; readonly mids: readonly MidRole[] }
  | { readonly t: 'localOffer'; readonly sdp: string }
  | { readonly t: 'publish'; readonly kind: TrackKind; readonly on: boolean }
  /** A muted microphone stays published and sends silence. */
  | { readonly t: 'mute'; readonly on: boolean }
  | { readonly t: 'chat'; readonly text: string }
  | { readonly t: 'hidden'; readonly on: boolean }
  | { readonly t: 'showSafetyNumber' }
  | { readonly t: 'compareNow' }
  | { readonly t: 'leave' };

/** `Port` is `MessagePort`; a parameter, because view-models share this file and know no DOM. */
export type MainToCore<Port> =
  | { readonly t: 'parseLink'; readonly ask: number; readonly text: string }
  /** `link`: the room that the key must belong to, if one is open. */
  | { readonly t: 'readOwner'; readonly ask: number; readonly text: string; readonly link: string | null; readonly today: number }
  | {
      readonly t: 'join';
      readonly link: string;
      readonly server: string;
      readonly name: string;
      /** Bit 0: VP8, bit 1: VP9. */
      readonly codecs: number;
      readonly socketUrl: string;
      /** The person allows that their place is kept: only then is it told to the page. */
      readonly keepPlace: boolean;
      /** The place to take back. */
      readonly place: Uint8Array | null;
      /** The key of somebody who joins as host or moderator. */
      readonly owner: string | null;
      /** Days since 1970-01-01: mandates end by day. */
      readonly today: number;
      /** Where keys go. The page passes the port on and keeps nothing. */
      readonly media: Port;
    }
  | { readonly t: 'openRoom'; readonly ask: number; readonly ticket: string; readonly server: string; readonly socketUrl: string; readonly terms: RoomTerms; readonly moderators: number; readonly today: number }
  | { readonly t: 'keepRoom'; readonly ask: number; readonly server: string; readonly socketUrl: string; readonly errand: RoomErrand }
  | { readonly t: 'intent'; readonly intent: Intent };

/** TURN at the server itself: for networks that carry nothing but TCP 443. */
export interface Relay {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

export type CoreToMain =
  | { readonly t: 'failed' }
  | { readonly t: 'linkParsed'; readonly ask: number; readonly link: ParsedLink }
  | { readonly t: 'ownerRead'; readonly ask: number; readonly owner: ReadOwner }
  | { readonly t: 'roomOpened'; readonly ask: number; readonly made: Made }
  | { readonly t: 'roomKept'; readonly ask: number; readonly kept: Kept }
  | { readonly t: 'applyAnswer'; readonly sdp: string }
  | { readonly t: 'relay'; readonly relay: Relay }
  | { readonly t: 'needOffer' }
  | { readonly t: 'iceRestart' }
  | { readonly t: 'preferCodec'; readonly codec: VideoCodec }
  /** This member's place in the call, in place of an earlier one; and that it is nobody's any more. */
  | { readonly t: 'place'; readonly bytes: Uint8Array }
  | { readonly t: 'placeGone' }
  | { readonly t: 'event'; readonly event: CallEvent };

/** Core worker to media worker, over their own port. */
export type CoreToMedia =
  | {
      readonly t: 'keys';
      /** The group, in hex. Another group means other keys under the same epoch numbers, so everything starts anew. */
      readonly group: string;
      readonly epoch: bigint;
      readonly baseKey: Uint8Array;
      readonly ownLeaf: number;
      /** n × (u32 leaf, 16 bytes transport id). */
      readonly leaves: Uint8Array;
      readonly removed: Uint32Array;
      readonly dropOldAfterMs: number;
      readonly switchAfterMs: number;
    }
  | { readonly t: 'hold'; readonly on: boolean }
  /** Whose track the slot was asked to carry: 16 bytes, or nothing for an empty slot. */
  | { readonly t: 'expect'; readonly mid: string; readonly transport: Uint8Array | null };

/** Given to `RTCRtpScriptTransform`; `place` is the m-line's index in our offer, as mids are not known yet. */
export interface TransformOptions {
  readonly side: 'send' | 'receive';
  readonly kind: TrackKind;
  readonly place: number;
  /** Counts peer connections: counters of an earlier connection must not vouch for a later one. */
  readonly connection: number;
}

/** What was negotiated for one m-line: its mid and the codecs behind the payload types. */
export interface NegotiatedPlace {
  readonly place: number;
  readonly mid: string;
  readonly codecs: readonly (readonly [payloadType: number, codec: Codec])[];
}

export type MainToMedia<Port> =
  | { readonly t: 'port'; readonly port: Port }
  | { readonly t: 'negotiated'; readonly connection: number; readonly places: readonly NegotiatedPlace[] }
  | { readonly t: 'counts'; readonly ask: number; readonly connection: number }
  /** The page no longer shows this slot under the name of its earlier owner. */
  | { readonly t: 'slotCleared'; readonly connection: number; readonly mid: string; readonly transport: string };

/** What the media worker did for one sender since its connection was made. */
export interface SenderCounts {
  readonly place: number;
  /** Frames that the encoder handed to us. */
  readonly seen: number;
  /** Frames sealed and handed to the packetiser, and their bytes. Counted before they are handed on. */
  readonly sealed: number;
  readonly sealedBytes: number;
}

export type MediaToMain =
  | { readonly t: 'failed' }
  | { readonly t: 'counts'; readonly ask: number; readonly senders: readonly SenderCounts[] }
  /**
   * From this RTP timestamp on, the slot's frames were opened as those of `transport` (hex). The worker holds the first
   * of them back until the page has answered `slotCleared`.
   */
  | { readonly t: 'slotOwner'; readonly connection: number; readonly mid: string; readonly transport: string; readonly rtpTimestamp: number | null };
