// Who asks to be let in, for those who may let them: in the list of people.

import type { CallModel } from '../state/call';
import type { AskingRow } from '../state/moderation';
import { en } from '../text/en';

export function Knocks({ call }: { readonly call: CallModel }) {
  const { moderation } = call;
  const asking = moderation.asking.value;
  if (!moderation.moderates.value || asking.length === 0) return null;
  return (
    <section class="knocks" aria-labelledby="knocks-title" data-test="knocks">
      <header class="knocks-head">
        <h3 class="section-title" id="knocks-title">
          {en.people.asking}
        </h3>
        {asking.length > 1 && (
          <button class="button button-small" type="button" data-test="admit-all" onClick={() => moderation.decide({ t: 'admitAll' })}>
            {en.people.admitAll}
          </button>
        )}
      </header>
      <p class="hint">{en.people.askingWhy}</p>
      <ul class="knocks-list">
        {asking.map((row) => (
          <Knock key={row.code} call={call} row={row} />
        ))}
      </ul>
    </section>
  );
}

function Knock({ call, row }: { readonly call: CallModel; readonly row: AskingRow }) {
  const { moderation } = call;
  const { id: member } = row;
  // The line goes away with its buttons, and the focus would fall back to the beginning of the page.
  const decide = (t: 'admit' | 'refuse') => (event: Event & { readonly currentTarget: HTMLElement }) => {
    moderation.decide({ t, member });
    event.currentTarget.closest<HTMLElement>('.panel')?.focus({ preventScroll: true });
  };
  return (
    <li class="knock" data-test="knock" data-member={row.name}>
      <p class="knock-who">
        <bdi class="person-name">{row.name}</bdi>
        {row.invite !== null && <span class="tag">{en.invites.number(row.invite)}</span>}
        {row.twin && (
          <span class="tag tag-warn" title={en.call.twinWhy}>
            {en.call.twin}
          </span>
        )}
        <span class="hint">{en.people.since(row.since)}</span>
      </p>
      <Code label={en.people.code} digits={row.code} test="knock-code" />
      <p class="knock-actions">
        <button class="button button-small button-primary" type="button" data-test="admit" aria-label={en.people.admitName(row.name)} onClick={decide('admit')}>
          {en.people.admit}
        </button>
        <button class="button button-small" type="button" data-test="refuse" aria-label={en.people.refuseName(row.name)} onClick={decide('refuse')}>
          {en.people.refuse}
        </button>
      </p>
    </li>
  );
}

/** Four groups of digits. They are read in one order whatever the direction of the page. */
export function Code({ label, digits, test }: { readonly label: string; readonly digits: string; readonly test: string }) {
  return (
    <p class="code" dir="ltr" data-test={test} aria-label={`${label}: ${digits}`}>
      {digits.split(' ').map((group, index) => (
        // Groups may repeat, so their place is their key.
        <span key={index}>{group} </span>
      ))}
    </p>
  );
}
