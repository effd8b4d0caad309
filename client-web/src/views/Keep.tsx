// A room in its owner's hands: what it is called, its rules and its end, changed by the host credential alone.

import { useState } from 'preact/hooks';
import type { KeptRoom } from '../protocol/messages';
import type { Keep as Model } from '../state/organise';
import { dayToDate } from '../state/terms';
import { en } from '../text/en';
import { CopyIcon } from './icons';
import { Copying, Keepsake } from './Organise';
import type { ViewProps } from './props';
import { Shell } from './Shell';
import { TermsFields } from './TermsFields';

export interface KeepProps extends ViewProps {
  readonly keep: Model;
}

export function Keep({ app, keep }: KeepProps) {
  const room = keep.room.value;
  const problem = keep.problem.value;
  const deleted = keep.deleted.value;
  return (
    <Shell state="keep">
      <section class="card" aria-labelledby="keep-title" data-room={deleted ? 'deleted' : room === null ? 'unread' : 'read'}>
        <h1 class="title" id="keep-title">
          {deleted ? en.keep.deletedTitle : en.keep.title}
        </h1>
        <p class="lead">{deleted ? en.keep.deleted : en.keep.what}</p>
        {room !== null && !deleted && (room.byDeed ? <Restoring keep={keep} room={room} /> : <Changing keep={keep} room={room} />)}
        {room === null && keep.working.value && (
          <p class="hint" role="status">
            {en.keep.reading}
          </p>
        )}
        <p class={problem === null ? 'unseen' : 'hint hint-warn'} role="alert" data-test="keep-problem" {...(problem === null ? {} : { 'data-code': problem })}>
          {problem === null ? '' : en.keep.problems[problem]}
        </p>
        <div class="actions">
          {problem !== null && !deleted && (
            <button class="button" type="button" data-test="keep-again" disabled={keep.working.value} onClick={() => void keep.read()}>
              {en.keep.again}
            </button>
          )}
          <button class="button" type="button" data-test="keep-back" onClick={() => void app.leaveKeeping()}>
            {deleted ? en.ended.start : en.keep.back}
          </button>
        </div>
      </section>
    </Shell>
  );
}

function Changing({ keep, room }: { readonly keep: Model; readonly room: KeptRoom }) {
  const working = keep.working.value;
  const change = (event: Event): void => {
    event.preventDefault();
    void keep.change();
  };
  const fresh = keep.fresh.value;
  return (
    <>
      {fresh !== null && (
        <Keepsake title={en.keep.fresh} hint={en.keep.freshHint} test="keep-credential" text={fresh} copy={() => void keep.copyFresh()} copied={keep.copied.value === 'credential'} concealed>
          <button class="button button-primary button-small" type="button" data-test="save-credential" onClick={() => keep.save()}>
            {en.made.save}
          </button>
        </Keepsake>
      )}
      <div class="copy">
        <button class="button" type="button" data-test="keep-copy-link" onClick={() => void keep.copyLink()}>
          <CopyIcon />
          {en.keep.copyLink}
        </button>
        <Copying copied={keep.copied.value} />
      </div>
      {room.lastDayInForce !== room.lastDay && <p class="notice-box">{en.keep.endsEarlier(dayToDate(room.lastDayInForce))}</p>}
      {room.membersInForce !== room.members && <p class="notice-box">{en.keep.fewer(room.membersInForce)}</p>}
      <form class="link-form" onSubmit={change} autocomplete="off">
        <TermsFields form={keep.form} latest={Math.max(room.latestDay, room.lastDay)} />
        <button class="button button-primary" type="submit" data-test="keep-save" disabled={working || keep.form.problem.value !== null}>
          {working ? en.keep.saving : en.keep.save}
        </button>
        <p class="hint" role="status" data-test="keep-saved">
          {keep.saved.value ? en.keep.saved : ''}
        </p>
      </form>
      <Deleting keep={keep} />
    </>
  );
}

/** The deed was given: it makes a lost key anew, and is put away again. */
function Restoring({ keep, room }: { readonly keep: Model; readonly room: KeptRoom }) {
  return (
    <>
      <p class="notice-box">{en.keep.byDeed(room.title)}</p>
      <button class="button button-primary" type="button" data-test="keep-restore" disabled={keep.working.value} onClick={() => void keep.restore()}>
        {en.keep.restore}
      </button>
      <Deleting keep={keep} />
    </>
  );
}

/** Asked once: it cannot be taken back. */
function Deleting({ keep }: { readonly keep: Model }) {
  const [asked, setAsked] = useState(false);
  if (!asked) {
    return (
      <button class="button button-danger" type="button" data-test="keep-delete" onClick={() => setAsked(true)}>
        {en.keep.delete}
      </button>
    );
  }
  return (
    <div class="sure" role="alertdialog" aria-label={en.keep.deleteSure}>
      <p>{en.keep.deleteSure}</p>
      <p class="knock-actions">
        <button class="button button-small button-danger" type="button" data-test="keep-delete-yes" autoFocus onClick={() => void keep.remove()}>
          {en.keep.deleteYes}
        </button>
        <button class="button button-small" type="button" onClick={() => setAsked(false)}>
          {en.room.endNo}
        </button>
      </p>
    </div>
  );
}
