// Choosing camera, microphone and speaker: on the join page and in the call.

import type { Device } from '../state/devices';
import { en } from '../text/en';
import type { ViewProps } from './props';

interface SelectProps {
  readonly label: string;
  readonly devices: readonly Device[];
  readonly chosen: string | null;
  readonly onChoose: (id: string) => void;
  readonly test: string;
}

function DeviceSelect({ label, devices, chosen, onChoose, test }: SelectProps) {
  if (devices.length === 0) return null;
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <select class="input select" data-test={test} value={chosen ?? devices[0]?.id ?? ''} onChange={(event) => onChoose(event.currentTarget.value)}>
        {devices.map((device, index) => (
          <option key={device.id} value={device.id}>
            {device.label === '' ? en.join.unnamedDevice(label, index + 1) : device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export function DevicePicker({ app }: ViewProps) {
  const { devices } = app;
  const { cameras, microphones, speakers } = devices.lists.value;
  return (
    <div class="devices">
      <DeviceSelect label={en.join.camera} devices={cameras} chosen={devices.camera.chosen.value} onChoose={(id) => void devices.choose('camera', id)} test="choose-camera" />
      <DeviceSelect label={en.join.microphone} devices={microphones} chosen={devices.microphone.chosen.value} onChoose={(id) => void devices.choose('microphone', id)} test="choose-microphone" />
      {speakers.length > 1 && (
        <DeviceSelect
          label={en.join.speaker}
          devices={speakers}
          chosen={devices.speaker.value}
          onChoose={(id) => {
            devices.speaker.value = id;
          }}
          test="choose-speaker"
        />
      )}
    </div>
  );
}

/** What is wrong with camera and microphone, if anything. */
export function DeviceNotice({ app }: ViewProps) {
  const camera = app.devices.camera.problem.value;
  const microphone = app.devices.microphone.problem.value;
  if (camera === null && microphone === null) return null;
  return (
    <div class="notice-box" data-test="device-notice" role="status">
      {camera !== null && <p>{en.devices.camera[camera]}</p>}
      {microphone !== null && <p>{en.devices.microphone[microphone]}</p>}
    </div>
  );
}
