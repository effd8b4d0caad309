// Cameras, microphones and what the person chose among them. No DOM: devices are opened through a `DevicePort`.

import { computed, signal, type ReadonlySignal } from '@preact/signals-core';

export type DeviceProblem =
  | 'denied' // the person or the browser said no
  | 'missing' // there is no such device
  | 'busy' // another program holds it, or the driver failed
  | 'unsupported' // this browser gives no page access (in-app browsers)
  | 'unplugged'; // it worked and is gone

export interface Device {
  readonly id: string;
  readonly label: string;
}
export interface DeviceLists {
  readonly cameras: readonly Device[];
  readonly microphones: readonly Device[];
  /** Empty where the browser cannot choose a speaker. */
  readonly speakers: readonly Device[];
}

export type Kind = 'camera' | 'microphone';
/** The little of a MediaStreamTrack that is decided about here. */
export interface Track {
  enabled: boolean;
  stop(): void;
}
export type Opened<T> = { readonly ok: true; readonly track: T; readonly deviceId: string } | { readonly ok: false; readonly problem: DeviceProblem };
export interface DevicePort<T extends Track> {
  /** Opens several kinds with one question to the person where that is possible. */
  open(wanted: Readonly<Partial<Record<Kind, string | null>>>): Promise<Partial<Record<Kind, Opened<T>>>>;
  list(): Promise<DeviceLists>;
  /** Calls back when devices come or go, and when an opened track ends by itself. */
  watch(onChange: () => void, onEnded: (track: T) => void): void;
}

/** One device: wanted or not, open or not, and why not. */
export class DeviceChoice<T extends Track> {
  readonly chosen = signal<string | null>(null);
  readonly track = signal<T | null>(null);
  readonly problem = signal<DeviceProblem | null>(null);
  readonly on = signal(true);
  readonly opening = signal(false);
}

export class Devices<T extends Track> {
  readonly camera = new DeviceChoice<T>();
  readonly microphone = new DeviceChoice<T>();
  readonly lists = signal<DeviceLists>({ cameras: [], microphones: [], speakers: [] });
  readonly speaker = signal<string | null>(null);
  /** What is sent, or would be: the picture only while on; the microphone's track also while muted, as it then sends silence. */
  readonly cameraTrack: ReadonlySignal<T | null> = computed(() => (this.camera.on.value ? this.camera.track.value : null));
  readonly microphoneOn: ReadonlySignal<boolean> = computed(() => this.microphone.on.value && this.microphone.track.value !== null);
  readonly #port: DevicePort<T>;

  constructor(port: DevicePort<T>) {
    this.#port = port;
    port.watch(
      () => void this.refresh(),
      (track) => this.#ended(track),
    );
  }

  /** Asks for both once, so that the person is asked once. */
  async openBoth(): Promise<void> {
    await this.#open({ camera: this.camera.chosen.value, microphone: this.microphone.chosen.value });
  }

  async refresh(): Promise<void> {
    this.lists.value = await this.#port.list();
  }

  /** Switches a device on or off; off means the camera's light goes out, and a microphone sends silence. */
  async set(kind: Kind, on: boolean): Promise<void> {
    const device = this[kind];
    device.on.value = on;
    if (kind === 'camera' && !on) this.#close(device);
    if (kind === 'microphone' && device.track.value !== null) device.track.value.enabled = on;
    if (on && device.track.value === null) await this.#open({ [kind]: device.chosen.value });
  }

  async choose(kind: Kind, id: string): Promise<void> {
    const device = this[kind];
    device.chosen.value = id;
    if (device.track.value === null && !device.on.value) return;
    this.#close(device);
    await this.#open({ [kind]: id });
  }

  /** Lets go of every device: no light stays on after a call. */
  close(): void {
    this.#close(this.camera);
    this.#close(this.microphone);
  }

  async #open(wanted: Partial<Record<Kind, string | null>>): Promise<void> {
    const kinds = (['camera', 'microphone'] as const).filter((kind) => wanted[kind] !== undefined && !this[kind].opening.value);
    if (kinds.length === 0) return;
    for (const kind of kinds) this[kind].opening.value = true;
    const opened = await this.#port.open(Object.fromEntries(kinds.map((kind) => [kind, wanted[kind] ?? null])));
    for (const kind of kinds) this.#settle(this[kind], kind, opened[kind]);
    await this.refresh();
  }

  #settle(device: DeviceChoice<T>, kind: Kind, opened: Opened<T> | undefined): void {
    device.opening.value = false;
    if (opened === undefined) return;
    if (!opened.ok) {
      device.problem.value = opened.problem;
      device.on.value = false;
      return;
    }
    // While the browser was asking, the person may have switched the camera off again.
    if (kind === 'camera' && !device.on.value) {
      opened.track.stop();
      return;
    }
    opened.track.enabled = device.on.value;
    device.problem.value = null;
    device.chosen.value = opened.deviceId;
    device.track.value = opened.track;
  }

  #close(device: DeviceChoice<T>): void {
    device.track.value?.stop();
    device.track.value = null;
  }

  #ended(track: T): void {
    for (const kind of ['camera', 'microphone'] as const) {
      const device = this[kind];
      if (device.track.value !== track) continue;
      device.track.value = null;
      device.problem.value = 'unplugged';
      device.on.value = false;
    }
  }
}
