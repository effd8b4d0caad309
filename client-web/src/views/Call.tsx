// The call: header, stage, controls, one panel beside it. It arranges; each part is a file of its own.

import { useEffect } from 'preact/hooks';
import { en } from '../text/en';
import { Banners } from './Banners';
import { ChatPanel } from './Chat';
import { Controls } from './Controls';
import { DeviceNotice, DevicePicker } from './DevicePicker';
import { DevicesIcon, Mark, RulesIcon, ShieldIcon } from './icons';
import { LeavingPanel } from './Leaving';
import { Panel } from './Panel';
import { PeoplePanel } from './People';
import type { CallProps } from './props';
import { RoomPanel } from './Room';
import { useFocusOnce } from './Shell';
import { SafetyPanel } from './Safety';
import { Stage } from './Stage';
import { Toasts } from './Toasts';

export function Call({ app, call }: CallProps) {
  const panel = call.panel.value;
  const main = useFocusOnce();
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && call.panel.peek() !== 'none') call.show('none');
    };
    addEventListener('keydown', escape);
    return () => removeEventListener('keydown', escape);
  }, [call]);
  return (
    <main ref={main} tabIndex={-1} class={panel === 'none' ? 'call' : 'call has-panel'} data-state="call">
      <header class="call-head">
        <h1 class="unseen">{en.product}</h1>
        <Mark />
        <button class={panel === 'safety' ? 'chip is-open' : 'chip'} type="button" data-test="safety-show" aria-expanded={panel === 'safety'} aria-label={`${en.call.encrypted}. ${en.call.safety}`} onClick={() => call.toggle('safety')}>
          <ShieldIcon />
          <span>{en.call.encrypted}</span>
        </button>
        {call.title.value !== '' && (
          <span class="room-title" data-test="title" dir="auto" title={call.title.value}>
            {call.title.value}
          </span>
        )}
        <span class="spring" />
        <button class={panel === 'room' ? 'control control-small is-open' : 'control control-small'} type="button" data-test="room" aria-expanded={panel === 'room'} aria-label={en.call.room} title={en.call.room} onClick={() => call.toggle('room')}>
          <RulesIcon />
        </button>
        <button class={panel === 'settings' ? 'control control-small is-open' : 'control control-small'} type="button" data-test="settings" aria-expanded={panel === 'settings'} aria-label={en.call.settings} title={en.call.settings} onClick={() => call.toggle('settings')}>
          <DevicesIcon />
        </button>
      </header>
      <Banners app={app} call={call} />
      <Stage app={app} call={call} />
      {panel === 'chat' && <ChatPanel app={app} call={call} />}
      {panel === 'people' && <PeoplePanel app={app} call={call} />}
      {panel === 'safety' && <SafetyPanel app={app} call={call} />}
      {panel === 'room' && <RoomPanel app={app} call={call} />}
      {panel === 'leaving' && <LeavingPanel app={app} call={call} />}
      {panel === 'settings' && (
        <Panel title={en.call.settings} call={call}>
          <DeviceNotice app={app} />
          <DevicePicker app={app} />
        </Panel>
      )}
      <Controls app={app} call={call} />
      <Toasts app={app} call={call} />
    </main>
  );
}
