// The bar of buttons under the pictures.

import type { ComponentChildren } from 'preact';
import type { RightName } from '../state/moderation';
import { en } from '../text/en';
import { CameraIcon, ChatIcon, LeaveIcon, MicIcon, PeopleIcon, ScreenIcon } from './icons';
import type { CallProps } from './props';

interface ControlProps {
  readonly test: string;
  readonly label: string;
  readonly look?: 'plain' | 'off' | 'open' | 'danger';
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  readonly disabled?: boolean;
  /** Why it cannot be used: it stays in reach, and says so. */
  readonly why?: string | null;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

function Control({ test, label, look = 'plain', pressed, expanded, disabled = false, why = null, onClick, children }: ControlProps) {
  const state = { ...(pressed === undefined ? {} : { 'aria-pressed': pressed }), ...(expanded === undefined ? {} : { 'aria-expanded': expanded }) };
  return (
    <button
      class={`control is-${look}`}
      type="button"
      data-test={test}
      aria-label={label}
      title={why ?? label}
      disabled={disabled}
      {...(why === null ? {} : { 'aria-disabled': true, 'aria-description': why })}
      onClick={onClick}
      {...state}
    >
      {children}
    </button>
  );
}

/** Sharing a screen does not exist on phones. */
// In browsers inside other apps `mediaDevices` may be there by name and undefined, whatever the types say.
const CAN_SHARE = typeof (globalThis.navigator as { readonly mediaDevices?: Partial<MediaDevices> } | undefined)?.mediaDevices?.getDisplayMedia === 'function';

export function Controls({ app, call }: CallProps) {
  const { devices } = app;
  const microphone = devices.microphoneOn.value;
  const camera = devices.cameraTrack.value !== null;
  const sharing = call.sharing.value;
  const unread = call.unread.value;
  const panel = call.panel.value;
  const asking = call.moderation.moderates.value ? call.moderation.asking.value.length : 0;
  const why = (right: RightName): string | null => {
    const forbidden = call.moderation.forbidden(right);
    return forbidden === null ? null : en.rights[`${right}-${forbidden}`];
  };
  return (
    <nav class="controls" aria-label={en.call.controls}>
      <Control
        test="mic"
        label={microphone ? en.call.microphoneOn : en.call.microphoneOff}
        look={microphone ? 'plain' : 'off'}
        pressed={microphone}
        disabled={devices.microphone.opening.value}
        why={why('microphone')}
        onClick={() => {
          if (!call.explain('microphone')) void devices.set('microphone', !microphone);
        }}
      >
        <MicIcon off={!microphone} />
      </Control>
      <Control test="cam" label={camera ? en.call.cameraOn : en.call.cameraOff} look={camera ? 'plain' : 'off'} pressed={camera} disabled={devices.camera.opening.value} why={why('camera')} onClick={() => call.explain('camera') || void devices.set('camera', !camera)}>
        <CameraIcon off={!camera} />
      </Control>
      {CAN_SHARE && (
        <Control test="screen" label={sharing ? en.call.stopShare : en.call.share} look={sharing ? 'open' : 'plain'} pressed={sharing} why={why('screen')} onClick={() => call.share(!sharing)}>
          <ScreenIcon />
        </Control>
      )}
      <span class="controls-gap" />
      <Control test="chat" label={unread > 0 ? `${en.call.chat}, ${en.call.unread(unread)}` : en.call.chat} look={panel === 'chat' ? 'open' : 'plain'} expanded={panel === 'chat'} onClick={() => call.toggle('chat')}>
        <ChatIcon />
        {unread > 0 && (
          <span class="badge" aria-hidden="true">
            {unread > 99 ? '99+' : unread}
          </span>
        )}
      </Control>
      <Control test="people" label={`${en.call.people}, ${en.people.count(call.members.value.length)}${asking > 0 ? `, ${en.call.ask(asking)}` : ''}`} look={panel === 'people' ? 'open' : 'plain'} expanded={panel === 'people'} onClick={() => call.toggle('people')}>
        <PeopleIcon />
        <span class={asking > 0 ? 'badge' : 'badge badge-quiet'} aria-hidden="true">
          {asking > 0 ? asking : call.members.value.length}
        </span>
      </Control>
      <span class="controls-gap" />
      <Control test="leave" label={en.call.leave} look="danger" onClick={() => call.wantToLeave()}>
        <LeaveIcon />
      </Control>
    </nav>
  );
}
