// Opens cameras and microphones. What is wanted and what a failure means is decided in `state/devices.ts`.

import type { DeviceLists, DevicePort, DeviceProblem, Kind, Opened } from '../state/devices';

/** 640 × 360 at 24: what is sent at most, so that nothing is scaled down in vain. */
const CAMERA: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24, max: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } };

type Results = Partial<Record<Kind, Opened<MediaStreamTrack>>>;

function problemOf(reason: unknown): DeviceProblem {
  const name = reason instanceof DOMException || reason instanceof Error ? reason.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    default:
      return 'busy';
  }
}

function constraints(wanted: Readonly<Partial<Record<Kind, string | null>>>): MediaStreamConstraints {
  const device = (base: MediaTrackConstraints, id: string | null): MediaTrackConstraints => (id === null ? base : { ...base, deviceId: { ideal: id } });
  return {
    ...(wanted.camera === undefined ? {} : { video: device(CAMERA, wanted.camera) }),
    ...(wanted.microphone === undefined ? {} : { audio: device(MICROPHONE, wanted.microphone) }),
  };
}

export class BrowserDevices implements DevicePort<MediaStreamTrack> {
  #onEnded: (track: MediaStreamTrack) => void = () => undefined;

  async open(wanted: Readonly<Partial<Record<Kind, string | null>>>): Promise<Results> {
    const kinds = (Object.keys(wanted) as Kind[]).filter((kind) => wanted[kind] !== undefined);
    // Missing in insecure pages, whatever the types say.
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (typeof (media as Partial<MediaDevices> | undefined)?.getUserMedia !== 'function' || media === undefined) return Object.fromEntries(kinds.map((kind) => [kind, { ok: false, problem: 'unsupported' }])) as Results;
    const together = await this.#get(media, wanted);
    if (together.ok || kinds.length === 1) return this.#take(kinds, together);
    // One of the two may be missing: each by itself, one after the other, so that questions do not overlap.
    const results: Results = {};
    for (const kind of kinds) Object.assign(results, this.#take([kind], await this.#get(media, { [kind]: wanted[kind] ?? null })));
    return results;
  }

  async list(): Promise<DeviceLists> {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    const all = (await media?.enumerateDevices().catch(() => [])) ?? [];
    // Before permission browsers list devices without ids.
    const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== '').map((device) => ({ id: device.deviceId, label: device.label }));
    return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: 'setSinkId' in HTMLMediaElement.prototype ? of('audiooutput') : [] };
  }

  watch(onChange: () => void, onEnded: (track: MediaStreamTrack) => void): void {
    this.#onEnded = onEnded;
    const media = navigator.mediaDevices as MediaDevices | undefined;
    media?.addEventListener?.('devicechange', onChange);
  }

  async #get(media: MediaDevices, wanted: Readonly<Partial<Record<Kind, string | null>>>): Promise<{ ok: true; stream: MediaStream } | { ok: false; problem: DeviceProblem }> {
    try {
      return { ok: true, stream: await media.getUserMedia(constraints(wanted)) };
    } catch (reason) {
      return { ok: false, problem: problemOf(reason) };
    }
  }

  #take(kinds: readonly Kind[], got: { ok: true; stream: MediaStream } | { ok: false; problem: DeviceProblem }): Results {
    const results: Results = {};
    for (const kind of kinds) {
      if (!got.ok) {
        results[kind] = { ok: false, problem: got.problem };
        continue;
      }
      const track = (kind === 'camera' ? got.stream.getVideoTracks() : got.stream.getAudioTracks())[0];
      if (track === undefined) {
        results[kind] = { ok: false, problem: 'missing' };
        continue;
      }
      track.addEventListener('ended', () => this.#onEnded(track));
      results[kind] = { ok: true, track, deviceId: track.getSettings().deviceId ?? '' };
    }
    return results;
  }
}

/** Asks for a screen, with its sound if the browser offers it. `null`: the person changed their mind, or may not. */
export async function openScreen(): Promise<{ readonly video: MediaStreamTrack; readonly audio: MediaStreamTrack | null } | null> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined || !('getDisplayMedia' in media)) return null;
  try {
    const stream = await media.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 15 } }, audio: true });
    const video = stream.getVideoTracks()[0];
    return video === undefined ? null : { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch {
    return null;
  }
}
