// Lines between header and pictures: what everybody in the call should know for as long as it is so. Loud ones first.

import { useEffect, useState } from 'preact/hooks';
import { isolated } from '../state/names';
import { en } from '../text/en';
import { AlarmLines, Comparing } from './Alarms';
import { PeopleIcon, SoundIcon } from './icons';
import { NewCredential } from './Invites';
import type { CallProps } from './props';

/** A lost line is back within seconds, and a lost place within some fifteen. Whoever waits longer should know what else it may be. */
const LONG_MS = 20_000;

export function Banners({ app, call }: CallProps) {
  return (
    <div class="banners" role="status" aria-live="polite" data-test="banners">
      {call.phase.value === 'reconnecting' && <Reconnecting />}
      <Comparing call={call} />
      <AlarmLines call={call} />
      <NewCredential app={app} call={call} />
      <Asking app={app} call={call} />
      {call.soundBlocked.value && (
        <p class="banner">
          <SoundIcon />
          {en.call.soundBlocked}
          <button class="button button-small" type="button" data-test="play-sound" onClick={() => call.unblockSound()}>
            {en.call.playSound}
          </button>
        </p>
      )}
      <OwnRole app={app} call={call} />
      {call.moderation.noHost.value && (
        <p class="banner banner-quiet" data-test="no-host">
          {en.call.noHost}
        </p>
      )}
      {app.operatorKeys.value && <p class="banner banner-quiet">{en.join.operatorKeys}</p>}
    </div>
  );
}

function Reconnecting() {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="banner banner-warn" data-test="banner">
      <span class="spinner spinner-small" aria-hidden="true" />
      <span class="banner-text">{long ? en.call.reconnectingLong : en.call.reconnecting}</span>
    </p>
  );
}

/** Somebody asks to be let in, and the list with them is not open. */
function Asking({ call }: CallProps) {
  const { moderates, asking } = call.moderation;
  const waiting = asking.value;
  const [first] = waiting;
  if (!moderates.value || first === undefined || call.panel.value === 'people') return null;
  return (
    <p class="banner" data-test="asks">
      <PeopleIcon />
      <span class="banner-text">{waiting.length === 1 ? en.call.asks(isolated(first.name)) : en.call.ask(waiting.length)}</span>
      <button class="button button-small" type="button" data-test="asks-look" onClick={() => call.show('people')}>
        {en.call.look}
      </button>
    </p>
  );
}

/** A credential was given, and the members do not accept it. */
function OwnRole({ app, call }: CallProps) {
  const rules = call.moderation.rules.value;
  const owner = app.owner.value;
  if (owner.is !== 'good' || rules === null || rules.role === (owner.moderator ? 'moderator' : 'host')) return null;
  return (
    <p class="banner banner-warn" data-test="not-host">
      {owner.moderator ? en.call.notModerator : en.call.notHost}
    </p>
  );
}
