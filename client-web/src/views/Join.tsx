// The device check before a call: what this is, a name, one's own picture and level, devices, Join.

import { useContext, useEffect, useRef } from 'preact/hooks';
import { initials } from '../state/names';
import { en } from '../text/en';
import { Check } from './Check';
import { DeviceNotice, DevicePicker } from './DevicePicker';
import { CameraIcon, MicIcon } from './icons';
import { OwnerField } from './OwnerField';
import type { ViewProps } from './props';
import { Shell } from './Shell';
import { StagehandContext, useTrack } from './stagehand';
import { CopyLink } from './Trouble';

export function Join({ app }: ViewProps) {
  const problem = app.nameProblem.value;
  const offer = app.place.offer.value;
  const back = offer === 'offered';
  const join = (event: Event): void => {
    event.preventDefault();
    app.join(back ? 'back' : 'new');
  };
  const bare = app.devices.camera.track.value === null && app.devices.microphone.track.value === null && !app.devices.camera.opening.value;
  return (
    <Shell state="join" wide>
      <section class="card join" aria-labelledby="join-title">
        <div class="join-devices">
          <Preview app={app} />
          <DevicePicker app={app} />
        </div>
        <form class="join-form" onSubmit={join} autocomplete="off">
          <h1 class="title" id="join-title">
            {back ? en.join.backTitle : en.join.title}
          </h1>
          <p class="lead">{back ? en.join.back : en.join.what}</p>
          {(offer === 'expired' || offer === 'notKept') && (
            <p class="notice-box" data-test="place-note" role="status">
              {en.join[offer]}
            </p>
          )}
          {app.personal.value && (
            <p class="hint" data-test="personal">
              {en.invites.yours}
            </p>
          )}
          {app.operatorKeys.value && <p class="hint hint-warn">{en.join.operatorKeys}</p>}
          <DeviceNotice app={app} />
          <Elsewhere app={app} />
          <label class="field">
            <span class="field-label">{en.join.name}</span>
            <input
              class="input input-large"
              data-test="name-input"
              type="text"
              dir="auto"
              autocomplete="off"
              spellcheck={false}
              required
              aria-describedby="name-hint"
              aria-invalid={problem === 'long'}
              value={app.name.value}
              onInput={(event) => {
                app.name.value = event.currentTarget.value;
              }}
            />
          </label>
          <p class="hint" id="name-hint" role={problem === 'long' ? 'alert' : undefined}>
            {problem === 'long' ? en.join.nameLong : en.join.nameHint}
          </p>
          <OwnerField app={app} />
          <KeepPlace app={app} />
          {back ? (
            <>
              <button class="button button-primary button-large" data-test="take-back" type="submit" disabled={problem !== null}>
                {en.join.takeBack}
              </button>
              <button class="button" data-test="join" type="button" disabled={problem !== null} onClick={() => app.join('new')}>
                {en.join.asNew}
              </button>
            </>
          ) : (
            <button class="button button-primary button-large" data-test="join" type="submit" disabled={problem !== null}>
              {bare ? en.join.joinWithout : en.join.join}
            </button>
          )}
        </form>
      </section>
      <details class="small-print">
        <summary>{en.join.historyTitle}</summary>
        <p>{en.join.history}</p>
        <p>{en.join.keepPlaceMore}</p>
        <CopyLink app={app} />
      </details>
    </Shell>
  );
}

function KeepPlace({ app }: ViewProps) {
  return (
    <div class="keep">
      <Check
        test="keep-place"
        text={en.join.keepPlace}
        hint="keep-hint"
        checked={app.keepPlace.value}
        set={(keep) => {
          app.keepPlace.value = keep;
        }}
      />
      <p class="hint" id="keep-hint">
        {en.join.keepPlaceHint}
      </p>
    </div>
  );
}

/** Pages get no devices here at all: the same link works in a browser that gives them. */
function Elsewhere({ app }: ViewProps) {
  const { camera, microphone } = app.devices;
  if (camera.problem.value !== 'unsupported' && microphone.problem.value !== 'unsupported') return null;
  return (
    <div class="notice-box" data-test="elsewhere">
      <p>{en.join.elsewhere}</p>
      <CopyLink app={app} />
    </div>
  );
}

function Preview({ app }: ViewProps) {
  const { devices } = app;
  const track = devices.cameraTrack.value;
  const video = useTrack(track);
  const cameraOn = track !== null;
  const microphoneOn = devices.microphoneOn.value;
  const opening = devices.camera.opening.value || devices.microphone.opening.value;
  const name = app.name.value.trim();
  return (
    <div class="preview">
      <video ref={video} class={cameraOn ? 'preview-video' : 'preview-video is-hidden'} data-test="preview-video" muted playsInline aria-label={en.join.preview} />
      {!cameraOn && (
        <div class="preview-empty">
          {name === '' ? <CameraIcon off /> : <span class="initials">{initials(name)}</span>}
          <p>{opening ? en.join.opening : en.join.cameraOff}</p>
        </div>
      )}
      <div class="preview-controls">
        <button
          class={microphoneOn ? 'control' : 'control is-off'}
          type="button"
          data-test="toggle-mic"
          aria-pressed={microphoneOn}
          aria-label={en.join.microphone}
          onClick={() => void devices.set('microphone', !microphoneOn)}
        >
          <MicIcon off={!microphoneOn} />
        </button>
        <button class={cameraOn ? 'control' : 'control is-off'} type="button" data-test="toggle-cam" aria-pressed={cameraOn} aria-label={en.join.camera} onClick={() => void devices.set('camera', !cameraOn)}>
          <CameraIcon off={!cameraOn} />
        </button>
      </div>
      <Level track={microphoneOn ? devices.microphone.track.value : null} />
    </div>
  );
}

/** The level is written straight into the style object: fifteen redraws a second would be wasteful. */
function Level({ track }: { readonly track: MediaStreamTrack | null }) {
  const meter = useRef<HTMLDivElement>(null);
  const stagehand = useContext(StagehandContext);
  useEffect(() => {
    const show = (level: number): void => {
      meter.current?.style.setProperty('--level', level.toFixed(3));
      meter.current?.setAttribute('aria-valuenow', String(Math.round(level * 100)));
    };
    show(0);
    return track === null ? undefined : stagehand.watchLevel(track, show);
  }, [track, stagehand]);
  return (
    <div class="level" ref={meter} data-test="mic-level" role="meter" aria-label={en.join.level} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0}>
      <div class="level-bar" />
    </div>
  );
}
