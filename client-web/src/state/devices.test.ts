import { describe, expect, it } from 'vitest';
import { Devices, type DeviceLists, type DevicePort, type Opened, type Track } from './devices';

class FakeTrack implements Track {
  enabled = true;
  stopped = false;
  stop(): void {
    this.stopped = true;
  }
}

class FakePort implements DevicePort<FakeTrack> {
  asked: Partial<Record<'camera' | 'microphone', string | null>>[] = [];
  answers: Partial<Record<'camera' | 'microphone', Opened<FakeTrack>>> = {};
  ended: (track: FakeTrack) => void = () => undefined;
  async open(wanted: Partial<Record<'camera' | 'microphone', string | null>>) {
    this.asked.push(wanted);
    const all: Partial<Record<'camera' | 'microphone', Opened<FakeTrack>>> = {};
    for (const kind of ['camera', 'microphone'] as const) {
      if (wanted[kind] === undefined) continue;
      all[kind] = this.answers[kind] ?? { ok: true, track: new FakeTrack(), deviceId: wanted[kind] ?? kind };
    }
    return all;
  }
  async list(): Promise<DeviceLists> {
    return { cameras: [{ id: 'camera', label: 'Cam' }], microphones: [], speakers: [] };
  }
  watch(_onChange: () => void, onEnded: (track: FakeTrack) => void): void {
    this.ended = onEnded;
  }
}

describe('devices', () => {
  it('asks for camera and microphone in one question', async () => {
    const port = new FakePort();
    const devices = new Devices(port);
    await devices.openBoth();
    expect(port.asked).toEqual([{ camera: null, microphone: null }]);
    expect(devices.cameraTrack.value).not.toBeNull();
    expect(devices.microphoneOn.value).toBe(true);
    expect(devices.lists.value.cameras).toHaveLength(1);
  });

  it('goes on with one device when the other is missing or refused', async () => {
    const port = new FakePort();
    port.answers.camera = { ok: false, problem: 'missing' };
    const devices = new Devices(port);
    await devices.openBoth();
    expect(devices.camera.problem.value).toBe('missing');
    expect(devices.camera.on.value).toBe(false);
    expect(devices.microphoneOn.value).toBe(true);
  });

  it('stops the camera when it is switched off, and keeps a muted microphone open but silent', async () => {
    const devices = new Devices(new FakePort());
    await devices.openBoth();
    const camera = devices.camera.track.value;
    const microphone = devices.microphone.track.value;
    await devices.set('camera', false);
    await devices.set('microphone', false);
    expect(camera?.stopped).toBe(true);
    expect(devices.cameraTrack.value).toBeNull();
    expect(microphone?.stopped).toBe(false);
    expect(microphone?.enabled).toBe(false);
    expect(devices.microphoneOn.value).toBe(false);
    await devices.set('microphone', true);
    expect(microphone?.enabled).toBe(true);
  });

  it('does not light a camera that was switched off while the browser still asked', async () => {
    const port = new FakePort();
    const track = new FakeTrack();
    port.answers.camera = { ok: true, track, deviceId: 'c' };
    const devices = new Devices(port);
    const opening = devices.openBoth();
    await devices.set('camera', false);
    await opening;
    expect(track.stopped).toBe(true);
    expect(devices.camera.track.value).toBeNull();
  });

  it('opens a microphone muted if it was muted before', async () => {
    const devices = new Devices(new FakePort());
    await devices.openBoth();
    await devices.set('microphone', false);
    await devices.choose('microphone', 'other');
    // A muted microphone is reopened, and stays silent.
    expect(devices.microphone.track.value?.enabled ?? false).toBe(false);
    expect(devices.microphoneOn.value).toBe(false);
  });

  it('says so when a device is unplugged', async () => {
    const port = new FakePort();
    const devices = new Devices(port);
    await devices.openBoth();
    const track = devices.camera.track.value;
    if (track !== null) port.ended(track);
    expect(devices.camera.problem.value).toBe('unplugged');
    expect(devices.camera.on.value).toBe(false);
  });
});
