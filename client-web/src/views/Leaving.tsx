// Asked once of a host, or of the last who moderates, before they leave others behind.

import { en } from '../text/en';
import { Panel } from './Panel';
import type { CallProps } from './props';

export function LeavingPanel({ call }: CallProps) {
  const { moderation } = call;
  const nobody = call.members.value.every((member) => member.self || member.role === 'guest');
  return (
    <Panel title={en.leaving.title} call={call}>
      <p class="panel-text" data-test="leaving-text">
        {nobody ? en.leaving.nobody : en.leaving.goesOn}
      </p>
      <div class="stack">
        {nobody && moderation.role.value === 'host' && (
          <button class="button button-primary" type="button" data-test="leave-hand" onClick={() => call.show('people')}>
            {en.leaving.hand}
          </button>
        )}
        <button class="button" type="button" data-test="leave-yes" data-first-focus onClick={() => call.leave()}>
          {en.leaving.leave}
        </button>
        {moderation.role.value === 'host' && (
          <button class="button button-danger" type="button" data-test="leave-end" onClick={() => moderation.decide({ t: 'endForAll' })}>
            {en.leaving.end}
          </button>
        )}
        <button class="button" type="button" data-test="leave-no" onClick={() => call.show('none')}>
          {en.leaving.stay}
        </button>
      </div>
    </Panel>
  );
}
