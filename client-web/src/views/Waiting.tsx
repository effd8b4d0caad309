// Between the click on Join and the call.

import { useEffect, useState } from 'preact/hooks';
import { en } from '../text/en';
import type { CallProps } from './props';
import { Shell } from './Shell';

/** After this one says that it takes long: an answer normally comes within a second. */
const SLOW_MS = 5_000;

export function Waiting({ app, call }: CallProps) {
  const phase = call.phase.value;
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    const timer = setTimeout(() => setSlow(phase === 'connecting' || phase === 'reconnecting'), SLOW_MS);
    return () => clearTimeout(timer);
  }, [phase]);
  return (
    <Shell state="waiting">
      <section class="card card-quiet" aria-busy="true">
        <span class="spinner" aria-hidden="true" />
        <div role="status">
          <h1 class="title">{en.waiting[phase]}</h1>
        </div>
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
