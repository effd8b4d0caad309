// Between the click on Join and the call: on the way, or waiting to be let in.

import { useEffect, useState } from 'preact/hooks';
import { en } from '../text/en';
import { Code } from './Knocks';
import type { CallProps } from './props';
import { Shell } from './Shell';

/** After this one says that it takes long: an answer normally comes within a second. */
const SLOW_MS = 5_000;

export function Waiting({ app, call }: CallProps) {
  const phase = call.phase.value;
  const door = phase === 'waiting' ? call.door.value : null;
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    const timer = setTimeout(() => setSlow(phase === 'connecting' || phase === 'reconnecting'), SLOW_MS);
    return () => clearTimeout(timer);
  }, [phase]);
  const code = call.waitingCode.value;
  return (
    <Shell state="waiting">
      <section class="card card-quiet" aria-busy="true" data-door={door ?? ''}>
        <span class="spinner" aria-hidden="true" />
        {call.title.value !== '' && (
          <p class="room-title" data-test="title" dir="auto">
            {call.title.value}
          </p>
        )}
        <div role="status">
          <h1 class="title">{door === null ? en.waiting[phase] : en.waiting.door[door].title}</h1>
          {door !== null && <p class="lead">{en.waiting.door[door].what}</p>}
        </div>
        {door === 'asked' && code !== null && (
          <div class="waiting-code">
            <p class="field-label">{en.waiting.code}</p>
            <Code label={en.waiting.code} digits={code} test="waiting-code" />
          </div>
        )}
        {door !== null && <p class="hint">{en.waiting.since(call.waitsSince.value)}</p>}
        {door === 'asked' && app.owner.value.is === 'good' && <p class="hint hint-warn">{app.owner.value.moderator ? en.waiting.asModerator : en.waiting.asHost}</p>}
        {slow && (
          <p class="hint" data-test="banner" role="status">
            {en.waiting.slow}
          </p>
        )}
        <button class="button" type="button" data-test="cancel" onClick={() => app.cancel()}>
          {en.waiting.cancel}
        </button>
      </section>
    </Shell>
  );
}
