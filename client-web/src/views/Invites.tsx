// Personal invites, for hosts: made here, copied, taken back. And a credential that a deed made, to be kept.

import { useState } from 'preact/hooks';
import type { CallModel } from '../state/call';
import { INVITE_DAYS, serialOf, type MadeInvite } from '../state/invites';
import { en } from '../text/en';
import { CopyIcon, KeyIcon } from './icons';
import { Action } from './Person';
import type { CallProps } from './props';
import { Sure } from './Sure';

const DAY_MS = 86_400_000;
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });

export function InvitesSection({ app, call }: CallProps) {
  const { invites, moderation } = call;
  const [days, setDays] = useState<number>(INVITE_DAYS[1]);
  const made = invites.made.value;
  return (
    <section class="rules" aria-label={en.invites.title}>
      <h3 class="section-title">{en.invites.title}</h3>
      <p class="hint">{en.invites.why}</p>
      <label class="field">
        <span class="field-label">{en.invites.days}</span>
        <select class="input select" data-test="invite-days" value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
          {INVITE_DAYS.map((n) => (
            <option key={n} value={n}>
              {en.invites.forDays(n)}
            </option>
          ))}
        </select>
      </label>
      <div class="person-actions">
        <Action call={call} test="invite-make" why={moderation.overRoles()} onClick={() => invites.make(days)}>
          {en.invites.make}
        </Action>
      </div>
      {made.length > 0 && (
        <>
          <ul class="invites" data-test="invites">
            {made.map((invite) => (
              <Invite key={invite.serial} app={app} call={call} invite={invite} />
            ))}
          </ul>
          <p class="hint">{en.invites.forgotten}</p>
        </>
      )}
      <ByNumber call={call} />
    </section>
  );
}

/** For invites that were made in a page that is gone. */
function ByNumber({ call }: { readonly call: CallModel }) {
  const [text, setText] = useState('');
  const serial = serialOf(text);
  const revoke = (event: Event): void => {
    event.preventDefault();
    if (serial === null) return;
    call.invites.revoke(serial);
    setText('');
  };
  return (
    <form class="by-number" onSubmit={revoke} autocomplete="off">
      <label class="field">
        <span class="field-label">{en.invites.byNumber}</span>
        <input class="input" data-test="invite-number" type="text" inputMode="numeric" dir="ltr" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button class="button" type="submit" data-test="invite-number-revoke" disabled={serial === null}>
        {en.invites.revoke}
      </button>
    </form>
  );
}

/** A link in the wrong hands, and a credential that was lost. */
export function LinkSection({ call }: { readonly call: CallModel }) {
  const { invites, moderation } = call;
  return (
    <section class="rules" aria-label={en.room.link}>
      <h3 class="section-title">{en.room.link}</h3>
      <p class="hint">{en.room.linkHint}</p>
      <Sure test="change-link" label={en.room.linkChange} question={en.room.linkSure} yes={en.room.linkYes} onYes={() => invites.changeLink()} />
      <p class="hint">{en.invites.olderHint}</p>
      <Sure test="end-older" label={en.invites.older} question={en.invites.olderHint} yes={en.invites.olderYes} onYes={() => moderation.decide({ t: 'endOlderKeys' })} />
    </section>
  );
}

function Invite({ app, call, invite }: CallProps & { readonly invite: MadeInvite }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  const { serial, fragment, notAfterDay, revoked } = invite;
  return (
    <li class="invite" data-test="invite" data-serial={serial} data-revoked={revoked}>
      <p>
        <strong>{en.invites.number(serial)}</strong> <span class="hint">{revoked ? en.invites.revoked : en.invites.until(dates.format(notAfterDay * DAY_MS))}</span>
      </p>
      {!revoked && (
        <p class="knock-actions">
          <button class="button button-small" type="button" data-test="invite-copy" onClick={() => void app.copyText(`#${fragment}`).then(setCopied)}>
            <CopyIcon />
            {en.join.copy}
          </button>
          <button class="button button-small button-danger" type="button" data-test="invite-revoke" onClick={() => call.invites.revoke(serial)}>
            {en.invites.revoke}
          </button>
          <span class="hint" role="status">
            {copied === null ? '' : copied ? en.join.copied : en.join.copyFailed}
          </span>
        </p>
      )}
    </li>
  );
}

/** Above the pictures until it is kept: whoever misses it needs the deed again. */
export function NewCredential({ app, call }: CallProps) {
  const text = call.invites.credential.value;
  if (text === null) return null;
  return (
    <p class="banner banner-warn" data-test="new-credential">
      <KeyIcon />
      <span class="banner-text">{en.invites.credential}</span>
      <button class="button button-small" type="button" data-test="credential-save" onClick={() => app.save(en.invites.credentialFile, text)}>
        {en.invites.save}
      </button>
      <button class="button button-small" type="button" data-test="credential-copy" onClick={() => void app.copyText(text)}>
        <CopyIcon />
        {en.invites.copy}
      </button>
      <button class="button button-small" type="button" data-test="credential-kept" onClick={() => call.invites.credentialKept()}>
        {en.invites.kept}
      </button>
    </p>
  );
}
