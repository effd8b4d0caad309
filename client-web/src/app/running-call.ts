// One running call: ties the core, the media worker, the peer connection and the devices to the view-model.
//
// It decides nothing about membership (the core does) and nothing about frames (the media worker does). Rule of use: made
// inside the click on Join, so that sound may play; `end` is called exactly once, by itself or from outside, and nothing
// of it works afterwards.

import { effect } from '@preact/signals-core';
import { Connection } from '../media/connection';
import { openScreen } from '../media/devices';
import { PAIRS, PLACES } from '../media/plan';
import { Pictures, Sounds } from '../media/slots';
import { Stats } from '../media/stats';
import { ScreenWake } from '../media/wake';
import { TrackKind, type CoreToMain, type Decision, type Intent, type MediaToMain, type MidRole, type Relay, type SenderCounts, type VideoCodec } from '../protocol/messages';
import type { ClientFault, JoinRequest } from '../state/app';
import { CallModel, type CallPort, type CallWords, type PictureSlot } from '../state/call';
import type { Devices } from '../state/devices';
import { RENEW_MS, type Place } from '../state/place';
import { videoCodecs } from './capabilities';
import { today } from './clock';
import { socketUrl } from './socket-url';
import type { MediaSide } from './media-side';
import type { CoreWorker, MediaWorker } from './workers';

/** The offer that is made in the click, before the core knows of a call to send it to. */
interface FirstOffer {
  readonly sdp: string;
  readonly mids: readonly MidRole[];
}

/** How long the core may take over leaving. It answers at once; a stuck one must not keep anybody in a call. */
const LEAVE_MS = 1_500;

export interface RunningCallPort {
  readonly core: CoreWorker;
  readonly media: MediaSide;
  readonly devices: Devices<MediaStreamTrack>;
  readonly place: Place;
  readonly words: CallWords;
  time(): string;
  /** The model changed in a way that may change the screen. */
  changed(call: CallModel): void;
  fault(fault: ClientFault): void;
  /** The core worker of this call is of no more use. */
  over(): void;
}

export class RunningCall implements CallPort {
  readonly model: CallModel;
  readonly pictures: Pictures;
  readonly #port: RunningCallPort;
  readonly #media: MediaWorker;
  readonly #sounds: Sounds;
  readonly #undo: (() => void)[] = [];
  readonly #asks = new Map<number, (counts: readonly SenderCounts[]) => void>();
  #connection: Connection | null = null;
  #stats: Stats | null = null;
  #generation: number;
  /** `wanted`: the core asked before it was ready. `sent`: every further one goes straight on. */
  #first: FirstOffer | 'making' | 'wanted' | 'sent' = 'making';
  #relay: Relay | null = null;
  #remade = false;
  #nextAsk = 1;
  #codec: VideoCodec;
  #screen: { readonly video: MediaStreamTrack; readonly audio: MediaStreamTrack | null } | null = null;
  #published = new Map<TrackKind, boolean>();
  /** What the core was told last. */
  #muted: boolean | null = null;
  #ended = false;
  #mediaStopped = false;

  constructor(request: JoinRequest, port: RunningCallPort) {
    this.#port = port;
    this.model = new CallModel(this, port.words, () => port.time(), request.operatorKeys);
    const slots = {
      shown: (slot: PictureSlot, transport: string | null) => this.model.setShown(slot, transport),
      soundBlocked: (blocked: boolean) => {
        this.model.soundBlocked.value = blocked;
      },
    };
    this.pictures = new Pictures(slots);
    this.#sounds = new Sounds(PAIRS + 1, slots);
    const codecs = videoCodecs();
    const { worker, connection, codec } = port.media;
    this.#codec = codec;
    this.#media = worker;
    this.#generation = connection.generation;
    const keys = new MessageChannel();
    this.#media.post({ t: 'port', port: keys.port1 }, [keys.port1]);
    const { link, server, name, keepPlace, place, owner } = request;
    port.core.post({ t: 'join', link, server, name, codecs, socketUrl: socketUrl(), keepPlace, place, owner, today: today(), media: keys.port2 }, [keys.port2]);
    place?.fill(0);
    // A call that begins in a tab that is not seen (opened by another program, put behind at once) is told so.
    if (document.visibilityState === 'hidden') this.#intent({ t: 'hidden', on: true });
    port.media.take({ message: (message) => this.#handleMedia(message), fault: () => this.#fail('mediaFailed') });
    this.#use(connection);
    this.#follow();
  }

  handleCore(message: CoreToMain): void {
    if (this.#ended) return;
    switch (message.t) {
      case 'relay':
        this.#relay = message.relay;
        this.#connection?.useRelay(message.relay);
        break;
      case 'needOffer':
        this.#needOffer();
        break;
      case 'applyAnswer':
        void this.#answer(message.sdp);
        break;
      case 'iceRestart':
        this.#connection?.restart();
        break;
      case 'preferCodec':
        this.#codec = message.codec;
        void this.#connection?.preferCodec(message.codec).catch(() => undefined);
        break;
      case 'event':
        if (message.event.e === 'notice' && message.event.code === 'mediaRefused' && this.#connection?.refused() !== true) break;
        // Nobody should look as if they could be heard.
        if (message.event.e === 'notice' && message.event.code === 'floorFull') void this.#port.devices.set('microphone', false);
        this.model.handle(message.event);
        if (message.event.e === 'roster') this.#labelSounds();
        this.#port.changed(this.model);
        if (message.event.e === 'ended') this.end();
        break;
      case 'place':
        this.#port.place.keep(message.bytes);
        break;
      case 'placeGone':
        this.#port.place.forget();
        break;
      case 'failed':
        this.#fail('coreFailed');
        break;
      case 'linkParsed':
      case 'ownerRead':
        break;
    }
  }

  chat(text: string): void {
    this.#intent({ t: 'chat', text });
  }

  decide(decision: Decision): void {
    this.#intent(decision);
  }

  showSafetyNumber(): void {
    this.#intent({ t: 'showSafetyNumber' });
  }

  compareNow(): void {
    this.#intent({ t: 'compareNow' });
  }

  shareScreen(): void {
    void this.#shareScreen();
  }

  stopScreen(): void {
    const screen = this.#screen;
    this.#screen = null;
    this.model.sharing.value = false;
    screen?.video.stop();
    screen?.audio?.stop();
    void this.#sendScreen();
  }

  /** The own screen's track, for showing it to oneself. */
  ownScreen(): MediaStreamTrack | null {
    return this.#screen?.video ?? null;
  }

  unblockSound(): void {
    this.#sounds.unblock();
  }

  leave(): void {
    this.#intent({ t: 'leave' });
    // The core answers with `ended`; should it be stuck, leaving must work all the same.
    setTimeout(() => {
      if (this.#ended) return;
      this.model.handle({ e: 'ended', reason: 'left' });
      this.#port.changed(this.model);
      this.end();
    }, LEAVE_MS);
    this.#stopMedia();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const undo of this.#undo) undo();
    this.#port.place.forget();
    this.#stopMedia();
    this.#sounds.close();
    this.pictures.close();
    this.#media.stop();
    this.#port.over();
  }

  #intent(intent: Intent): void {
    this.#port.core.post({ t: 'intent', intent });
  }

  #fail(fault: ClientFault): void {
    if (this.#ended) return;
    this.#stopMedia();
    this.#intent({ t: 'leave' });
    this.end();
    this.#port.fault(fault);
  }

  /** Once only: after it, devices may already be open again for the next call. */
  #stopMedia(): void {
    if (this.#mediaStopped) return;
    this.#mediaStopped = true;
    this.#port.devices.close();
    this.#stats?.stop();
    this.#stats = null;
    this.#connection?.close();
    this.#connection = null;
    this.#screen?.video.stop();
    this.#screen?.audio?.stop();
    this.#screen = null;
    this.model.sharing.value = false;
  }

  /** The core wants an offer: the one made in the click, if that was not used yet, else one of another connection. */
  #needOffer(): void {
    const first = this.#first;
    if (first === 'making' || first === 'wanted') this.#first = 'wanted';
    else if (first === 'sent') this.#connect();
    else this.#sendOffer(first);
  }

  #offered(offer: FirstOffer): void {
    if (this.#first === 'making') this.#first = offer;
    else this.#sendOffer(offer);
  }

  #sendOffer({ sdp, mids }: FirstOffer): void {
    // The first offer is made in the click, before the server could tell of its relay; without it a network that blocks UDP is a wall.
    if (this.#first !== 'sent' && this.#relay !== null && !this.#remade) {
      this.#remade = true;
      this.#first = 'wanted';
      this.#connection?.offerAnew();
      return;
    }
    this.#first = 'sent';
    this.#intent({ t: 'mediaReady', mids });
    this.#intent({ t: 'localOffer', sdp });
  }

  /** Makes a connection, in place of the one that is there. */
  #connect(): void {
    if (this.#mediaStopped) return;
    this.#stats?.stop();
    const triedUdp = this.#connection?.triedUdp ?? false;
    this.#connection?.close();
    this.#generation += 1;
    this.#use(new Connection(this.#media.worker, this.#generation, this.#codec, this.#relay, triedUdp));
  }

  #use(connection: Connection): void {
    const { generation } = connection;
    this.#connection = connection;
    this.#stats = new Stats(connection, {
      counts: (of) => this.#counts(of),
      loud: (sources) => {
        this.model.loud.value = sources;
      },
      leaked: () => this.#fail('plaintext'),
      failed: () => this.#fail('mediaFailed'),
    });
    this.#published.clear();
    void this.#sendDevices();
    void this.#sendScreen();
    const current = () => this.#connection === connection;
    const started = connection.start({
      offer: (sdp, mids) => current() && this.#offered({ sdp, mids }),
      negotiated: (places) => this.#media.post({ t: 'negotiated', connection: generation, places }),
      slot: (place, track) => this.#slot(place, track),
      stuck: () => current() && this.#connect(),
    });
    started.catch(() => current() && this.#fail('mediaFailed'));
  }

  async #answer(sdp: string): Promise<void> {
    const connection = this.#connection;
    if (connection === null || (await connection.answer(sdp))) return;
    if (this.#connection === connection) this.#fail('mediaFailed');
  }

  #slot(place: number, track: MediaStreamTrack): void {
    const role = PLACES[place]?.role;
    if (role?.role === 'audioSlot') this.#sounds.setTrack(role.k, track);
    if (role?.role === 'screenAudioSlot') this.#sounds.setTrack(PAIRS, track);
    if (role?.role === 'cameraSlot') this.pictures.setTrack(role.k, track);
    if (role?.role === 'screenSlot') this.pictures.setTrack('screen', track);
  }

  #handleMedia(message: MediaToMain): void {
    if (this.#ended) return;
    switch (message.t) {
      case 'failed':
        this.#fail('mediaFailed');
        break;
      case 'counts':
        this.#asks.get(message.ask)?.(message.senders);
        this.#asks.delete(message.ask);
        break;
      case 'slotOwner': {
        const { connection, mid, transport, rtpTimestamp } = message;
        if (connection !== this.#connection?.generation) break;
        const role = PLACES[this.#connection.placeOf(mid)]?.role;
        if (role?.role === 'cameraSlot') this.pictures.setOwner(role.k, transport, rtpTimestamp);
        if (role?.role === 'screenSlot') this.pictures.setOwner('screen', transport, rtpTimestamp);
        this.#media.post({ t: 'slotCleared', connection, mid, transport });
        break;
      }
    }
  }

  #counts(connection: number): Promise<readonly SenderCounts[]> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#asks.set(ask, resolve);
      this.#media.post({ t: 'counts', ask, connection });
    });
  }

  /** Follows the devices, the tab and the speaker for as long as the call runs. */
  #follow(): void {
    const { devices } = this.#port;
    this.#undo.push(
      effect(() => {
        void devices.cameraTrack.value;
        void devices.microphone.track.value;
        void devices.microphoneOn.value;
        void this.#sendDevices();
      }),
      effect(() => this.#obey()),
      effect(() => {
        if (devices.camera.problem.value === 'unplugged') this.model.toast('cameraLost', '');
      }),
      effect(() => {
        if (devices.microphone.problem.value === 'unplugged') this.model.toast('microphoneLost', '');
      }),
      effect(() => {
        if (devices.speaker.value !== null) void this.#sounds.setSpeaker(devices.speaker.value);
      }),
    );
    const visibility = (): void => {
      const hidden = document.visibilityState === 'hidden';
      // Phones end hidden tabs without another word.
      if (hidden) this.#port.place.renew();
      this.#intent({ t: 'hidden', on: hidden });
    };
    document.addEventListener('visibilitychange', visibility);
    // The system says that the network is another one: no need to wait until the old path is silent.
    const online = (): void => this.#connection?.restart();
    addEventListener('online', online);
    // Who keeps their place may be loading the tab again; who closes it for good is missed after a while, and is told so.
    const goodbye = (): void => (this.#port.place.kept ? this.#port.place.renew() : this.#intent({ t: 'leave' }));
    const renewing = setInterval(() => this.#port.place.renew(), RENEW_MS);
    const wake = new ScreenWake();
    // Before the page is gone, and not only when it goes: Firefox ends workers with it, and the farewell would stay behind.
    for (const event of ['beforeunload', 'pagehide']) addEventListener(event, goodbye);
    this.#undo.push(
      () => wake.stop(),
      () => clearInterval(renewing),
      () => document.removeEventListener('visibilitychange', visibility),
      () => removeEventListener('online', online),
      () => ['beforeunload', 'pagehide'].forEach((event) => removeEventListener(event, goodbye)),
    );
  }

  /** Whoever was muted is heard and seen by nobody, whatever is sent; so nothing is, and the buttons show it. */
  #obey(): void {
    const { devices } = this.#port;
    const { moderation } = this.model;
    if (devices.microphoneOn.value && moderation.forbidden('microphone') !== null) void devices.set('microphone', false);
    if (devices.cameraTrack.value !== null && moderation.forbidden('camera') !== null) void devices.set('camera', false);
    if (this.model.sharing.value && moderation.forbidden('screen') !== null) this.stopScreen();
  }

  async #sendDevices(): Promise<void> {
    const { devices } = this.#port;
    const camera = devices.cameraTrack.value;
    const microphone = devices.microphone.track.value;
    const muted = !devices.microphoneOn.value;
    // Before the microphone is published: who comes in muted needs no seat in a large call.
    if (muted !== this.#muted) this.#intent({ t: 'mute', on: muted });
    this.#muted = muted;
    await this.#send(TrackKind.Microphone, microphone, microphone !== null);
    await this.#send(TrackKind.Camera, camera, camera !== null);
  }

  async #sendScreen(): Promise<void> {
    await this.#send(TrackKind.Screen, this.#screen?.video ?? null, this.#screen !== null);
    const audio = this.#screen?.audio ?? null;
    await this.#send(TrackKind.ScreenAudio, audio, audio !== null);
  }

  /** A muted microphone keeps its track and its seat, and sends silence at the same rate: the server sees no difference. */
  async #send(kind: TrackKind, track: MediaStreamTrack | null, on: boolean): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    try {
      await connection.setTrack(kind, track);
    } catch {
      return; // Closed meanwhile; the next connection gets its tracks anew.
    }
    if (connection !== this.#connection || (this.#published.get(kind) ?? false) === on) return;
    this.#published.set(kind, on);
    this.#intent({ t: 'publish', kind, on });
  }

  async #shareScreen(): Promise<void> {
    if (this.#screen !== null) return;
    const screen = await openScreen();
    if (screen === null || this.#mediaStopped) {
      if (screen === null) this.model.toast('screenFailed', '');
      screen?.video.stop();
      screen?.audio?.stop();
      return;
    }
    this.#screen = screen;
    this.model.sharing.value = true;
    // The browser's own "stop sharing" bar.
    screen.video.addEventListener('ended', () => {
      if (this.#screen === screen) this.stopScreen();
    });
    await this.#sendScreen();
  }

  #labelSounds(): void {
    for (let k = 0; k < PAIRS; k += 1) {
      this.#sounds.label(k, this.model.tiles.value.find((tile) => !tile.self && tile.slot === k)?.name ?? '');
    }
    const screen = this.model.screen.value;
    this.#sounds.label(PAIRS, screen === null || screen.self ? '' : screen.name);
  }
}
