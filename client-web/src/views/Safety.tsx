// The safety number: computed when this panel opens, forgotten when it closes.

import { en } from '../text/en';
import { Panel } from './Panel';
import { Action } from './Person';
import type { CallProps } from './props';

export function SafetyPanel({ app, call }: CallProps) {
  const safety = call.safety.value;
  return (
    <Panel title={en.call.safety} call={call}>
      <div class="safety" aria-live="polite">
        {safety === null ? (
          <p class="safety-working">
            <span class="spinner spinner-small" aria-hidden="true" />
            {en.safety.working}
          </p>
        ) : (
          <>
            <p class="safety-number" dir="ltr" data-test="safety-number">
              {safety.digits.split(' ').map((group, index) => (
                // Groups may repeat, so their place is their key.
                <span key={index} class="safety-group">
                  {group}{' '}
                </span>
              ))}
            </p>
            <p class="hint">{en.safety.at(safety.time)}</p>
          </>
        )}
      </div>
      <p class="panel-text">{en.safety.how}</p>
      <p class="panel-text">{en.safety.changes}</p>
      <section class="rules" aria-label={en.safety.nowTitle}>
        <h3 class="section-title">{en.safety.nowTitle}</h3>
        <p class="panel-text">{en.safety.nowWhy}</p>
        <div class="person-actions">
          <Action call={call} test="compare-now" why={call.overComparing()} onClick={() => call.compareNow()}>
            {en.alarms.compare}
          </Action>
        </div>
      </section>
      {app.operatorKeys.value && <p class="hint hint-warn">{en.join.operatorKeys}</p>}
    </Panel>
  );
}
