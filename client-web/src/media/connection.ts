// One peer connection to the server's forwarding plane: transforms first, tracks later, offers always ours.
//
// SECURITY: four rules, each closing a way in which browsers send plaintext (measured):
//   1. `encodedInsertableStreams: true`: Chromium then sends nothing that did not pass a transform.
//   2. Each sender's transform is set in the task that makes its transceiver, before any track: Firefox sends plaintext
//      until then.
//   3. A transform is never taken away; to be silent, a sender loses its track.
//   4. `stats.ts` compares what left with what was sealed.

import { Codec, TrackKind, type MidRole, type NegotiatedPlace, type Relay, type TransformOptions, type VideoCodec } from '../protocol/messages';
import { Offers } from './offers';
import { Patience } from './patience';
import { allowedCodecs, PLACES, readNegotiated, readSources } from './plan';
import { mediaPort, ways } from './relay';

/** `encodedInsertableStreams` is not in the type library: it is Chromium's. */
interface SealedConfiguration extends RTCConfiguration {
  readonly encodedInsertableStreams: boolean;
}

/** A camera at 640 × 360: clear faces in a grid. More costs every receiver; less blurs. */
const CAMERA_BITS_PER_SECOND = 600_000;
const CAMERA_FRAMES_PER_SECOND = 24;
/** A screen must be readable; its pictures change seldom. */
const SCREEN_BITS_PER_SECOND = 1_500_000;
const SCREEN_FRAMES_PER_SECOND = 15;
/**
 * Between two restarts: one change of network is told by several (`online`, the server, the silent path). Less than the gap of
 * `path.ts`, or its second attempt would be taken for an echo of the first.
 */
const RESTART_GAP_MS = 1_000;

export interface ConnectionEvents {
  offer(sdp: string, mids: readonly MidRole[]): void;
  negotiated(places: readonly NegotiatedPlace[]): void;
  /** A slot's receiver is there: its track stays for the life of the connection. */
  slot(place: number, track: MediaStreamTrack): void;
  /** Answered long ago and still not connected: another connection has to take its place. */
  stuck(): void;
}

export class Connection {
  readonly pc: RTCPeerConnection;
  readonly generation: number;
  /** Whether the relay was tried over UDP. One try: a network that carries no UDP is not asked again and again. */
  triedUdp: boolean;
  readonly #transceivers: readonly RTCRtpTransceiver[];
  #on: ConnectionEvents | null = null;
  #codec: VideoCodec;
  readonly #offers = new Offers((restart) => this.#makeOffer(restart));
  readonly #patience = new Patience(() => this.pc.connectionState === 'connected', () => this.#on?.stuck());
  #places: ReadonlyMap<string, number> = new Map();
  #sources: ReadonlyMap<number, number> = new Map();
  #closed = false;
  #relay: Relay | null;
  #mediaPort: string | null = null;
  #relaysOnly = false;
  #lastRestartMs = Number.NEGATIVE_INFINITY;

  /** Nothing goes to the network before the first offer: a connection may be made long before it is needed. */
  constructor(worker: Worker, generation: number, codec: VideoCodec, relay: Relay | null = null, triedUdp = false) {
    this.generation = generation;
    this.#codec = codec;
    this.#relay = relay;
    this.triedUdp = triedUdp;
    this.pc = new RTCPeerConnection(configured(relay, null));
    this.#transceivers = PLACES.map((place, index) => {
      const options: TransformOptions = { side: place.side, kind: place.kind, place: index, connection: generation };
      const transceiver = this.pc.addTransceiver(place.medium, transceiverInit(place.side, place.kind));
      // SECURITY: same task, before any track (rules 1 and 2).
      const end = place.side === 'send' ? transceiver.sender : transceiver.receiver;
      end.transform = new RTCRtpScriptTransform(worker, options);
      preferCodecs(transceiver, place.medium, codec);
      return transceiver;
    });
    this.pc.addEventListener('connectionstatechange', () => {
      if (this.pc.connectionState === 'failed') this.restart();
    });
  }

  /** Takes the connection into use and makes its first offer. Throws if the browser cannot make one. */
  async start(on: ConnectionEvents): Promise<void> {
    this.#on = on;
    this.#transceivers.forEach((transceiver, index) => {
      if (PLACES[index]?.side === 'receive') on.slot(index, transceiver.receiver.track);
    });
    await this.#offers.make(false);
  }

  /** New credentials for the way around a network that blocks UDP. They count from the next offer on that restarts the path. */
  useRelay(relay: Relay): void {
    if (this.#closed) return;
    this.#relay = relay;
    // Another socket, so perhaps another network.
    this.triedUdp = false;
    // If it fails, a path that needs the new ones fails, and the connection that follows is made with them.
    this.#configure(false);
  }

  /** Media has come over TLS for a while: tries the same relay over UDP, and after another while goes back. The path in use stays meanwhile. */
  relayedOverTls(): void {
    if (this.#relaysOnly) this.restart();
    if (this.#closed || this.triedUdp || this.#mediaPort === null) return;
    this.triedUdp = true;
    this.#lastRestartMs = performance.now();
    if (this.#configure(true)) this.#offers.attempt(true);
  }

  /** Puts another offer in the place of one that was made and not sent. */
  offerAnew(): void {
    if (!this.#closed) this.#offers.replace();
  }

  /** The server's answer. `false`: it does not fit, and the connection is of no use. */
  async answer(sdp: string): Promise<boolean> {
    if (this.#closed || !this.#offers.out) return true;
    try {
      await this.pc.setRemoteDescription({ type: 'answer', sdp });
    } catch {
      return false;
    }
    this.#mediaPort = mediaPort(sdp);
    this.#patience.begin();
    this.#offers.answered();
    return true;
  }

  /** The server refused our offer; another follows. `true`: people should hear of it. */
  refused(): boolean {
    return !this.#closed && this.#offers.refused();
  }

  /** The network changed, or the path failed: new credentials over the same keys. */
  restart(): void {
    const now = performance.now();
    if (this.#closed || now - this.#lastRestartMs < RESTART_GAP_MS) return;
    this.#lastRestartMs = now;
    // Where the network is now another one, there may be a direct way.
    if (this.#relaysOnly) this.#configure(false);
    this.#offers.attempt(true);
  }

  async setTrack(kind: TrackKind, track: MediaStreamTrack | null): Promise<void> {
    const index = PLACES.findIndex((place) => place.side === 'send' && place.kind === kind);
    const sender = this.#transceivers[index]?.sender;
    if (sender === undefined || this.#closed || sender.track === track) return;
    if (track !== null && track.kind === 'video') track.contentHint = kind === TrackKind.Screen ? 'detail' : 'motion';
    if (track !== null && kind === TrackKind.Microphone) track.contentHint = 'speech';
    await sender.replaceTrack(track);
  }

  /** Sends pictures in another codec, at once where the browser can, else by a new offer. */
  async preferCodec(codec: VideoCodec): Promise<void> {
    if (codec === this.#codec || this.#closed) return;
    this.#codec = codec;
    let renegotiate = false;
    for (const [index, transceiver] of this.#transceivers.entries()) {
      const place = PLACES[index];
      if (place?.medium !== 'video') continue;
      preferCodecs(transceiver, 'video', codec);
      if (place.side === 'send' && !(await switchCodec(transceiver.sender, codec))) renegotiate = true;
    }
    if (renegotiate) this.#offers.attempt(false);
  }

  placeOf(mid: string): number {
    return this.#places.get(mid) ?? -1;
  }

  /** The place whose sender has this SSRC, by our own newest offer; -1: none. */
  placeOfSource(ssrc: number): number {
    return this.#sources.get(ssrc) ?? -1;
  }

  close(): void {
    this.#closed = true;
    this.#patience.stop();
    this.#offers.close();
    // The senders lose their tracks first: should closing take its time, nothing is encoded meanwhile.
    for (const transceiver of this.#transceivers) void transceiver.sender.replaceTrack(null).catch(() => undefined);
    this.pc.close();
  }

  /** `false`: the browser keeps what it was told before. */
  #configure(relaysOnly: boolean): boolean {
    try {
      this.pc.setConfiguration(configured(this.#relay, relaysOnly ? this.#mediaPort : null));
    } catch {
      return false;
    }
    this.#relaysOnly = relaysOnly;
    return true;
  }

  /** After a refusal this updates the offer that is pending: nothing needs to be rolled back. */
  async #makeOffer(restart: boolean): Promise<void> {
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: restart }));
    const sdp = this.pc.localDescription?.sdp;
    if (sdp === undefined || this.#closed) return;
    const places = readNegotiated(sdp);
    this.#places = new Map(places.map(({ place, mid }) => [mid, place]));
    this.#sources = readSources(sdp);
    this.#on?.negotiated(places);
    const mids = places.flatMap(({ place, mid }): MidRole[] => {
      const role = PLACES[place]?.role;
      return role === undefined ? [] : [{ ...role, mid }];
    });
    this.#on?.offer(sdp, mids);
  }
}

/** ICE tries the relay beside the direct way and takes it if there is no other. */
function configured(relay: Relay | null, port: string | null): SealedConfiguration {
  return { encodedInsertableStreams: true, bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', ...ways(relay, port) };
}

function transceiverInit(side: 'send' | 'receive', kind: TrackKind): RTCRtpTransceiverInit {
  if (side === 'receive') return { direction: 'recvonly' };
  switch (kind) {
    case TrackKind.Camera:
      return { direction: 'sendonly', sendEncodings: [encoding(CAMERA_BITS_PER_SECOND, CAMERA_FRAMES_PER_SECOND)] };
    case TrackKind.Screen:
      return { direction: 'sendonly', sendEncodings: [encoding(SCREEN_BITS_PER_SECOND, SCREEN_FRAMES_PER_SECOND)] };
    default:
      return { direction: 'sendonly' };
  }
}

interface LayeredEncoding extends RTCRtpEncodingParameters {
  readonly scalabilityMode: string;
}

/** A single layer: what one receiver gets, all get. */
function encoding(maxBitrate: number, maxFramerate: number): LayeredEncoding {
  return { maxBitrate, maxFramerate, scalabilityMode: 'L1T1' };
}

function preferCodecs(transceiver: RTCRtpTransceiver, medium: 'audio' | 'video', first: VideoCodec): void {
  const capabilities = RTCRtpReceiver.getCapabilities(medium);
  const codecs = allowedCodecs(medium, capabilities?.codecs ?? [], first);
  // An empty list would mean "everything": a browser without our codecs is told so before it gets here.
  if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
}

/** The codec of one encoding (WebRTC extensions §3); not in the type library yet. */
interface CodecEncoding extends RTCRtpEncodingParameters {
  codec?: RTCRtpCodec;
}

/** `true`: the sender now uses the codec, or has not started yet and will. */
async function switchCodec(sender: RTCRtpSender, codec: VideoCodec): Promise<boolean> {
  const name = codec === Codec.Vp8 ? 'video/vp8' : 'video/vp9';
  const parameters = sender.getParameters();
  const wanted = parameters.codecs.find((entry) => entry.mimeType.toLowerCase() === name);
  const first: CodecEncoding | undefined = parameters.encodings[0];
  if (first === undefined || parameters.codecs.length === 0) return false;
  if (wanted === undefined) return false;
  if (parameters.codecs[0]?.mimeType.toLowerCase() === name && first.codec === undefined) return true;
  try {
    first.codec = wanted;
    await sender.setParameters(parameters);
    // Browsers that do not know `codec` ignore it without a word.
    const after: CodecEncoding | undefined = sender.getParameters().encodings[0];
    return after?.codec?.mimeType.toLowerCase() === name;
  } catch {
    return false;
  }
}
