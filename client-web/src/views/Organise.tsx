// A ticket becomes a room: first its terms, then what its owner has to keep, shown once.

import { useEffect, useId } from 'preact/hooks';
import type { MadeRoom } from '../protocol/messages';
import { MOST_MODERATORS, type Copied, type Organise as Model } from '../state/organise';
import { en } from '../text/en';
import { Check } from './Check';
import { CopyIcon } from './icons';
import type { ViewProps } from './props';
import { Shell } from './Shell';
import { TermsFields } from './TermsFields';

export interface OrganiseProps extends ViewProps {
  readonly organise: Model;
}

export function Organise({ app, organise }: OrganiseProps) {
  const made = organise.made.value;
  return made === null ? <Making app={app} organise={organise} /> : <Made app={app} organise={organise} made={made} />;
}

function Making({ app, organise }: OrganiseProps) {
  const { form } = organise;
  const problem = organise.problem.value;
  const working = organise.working.value;
  const make = (event: Event): void => {
    event.preventDefault();
    void app.makeRoom();
  };
  return (
    <Shell state="organise">
      <section class="card" aria-labelledby="organise-title">
        <h1 class="title" id="organise-title">
          {en.organise.title}
        </h1>
        <p class="lead">{en.organise.what}</p>
        <form class="link-form" onSubmit={make} autocomplete="off">
          <TermsFields form={form} />
          <label class="field">
            <span class="field-label">{en.organise.moderators}</span>
            <input
              class="input"
              data-test="room-moderators"
              type="number"
              inputMode="numeric"
              min={0}
              max={MOST_MODERATORS}
              aria-describedby="moderators-hint"
              value={organise.moderators.value}
              onInput={(event) => {
                organise.moderators.value = event.currentTarget.valueAsNumber;
              }}
            />
          </label>
          <p class="hint" id="moderators-hint">
            {en.organise.moderatorsHint}
          </p>
          <p class={problem === null ? 'unseen' : 'hint hint-warn'} role="alert" data-test="organise-problem" {...(problem === null ? {} : { 'data-code': problem })}>
            {problem === null ? '' : en.organise.problems[problem]}
          </p>
          <button class="button button-primary button-large" data-test="make-room" type="submit" disabled={working || form.problem.value !== null}>
            {working ? en.organise.working : en.organise.make}
          </button>
        </form>
      </section>
    </Shell>
  );
}

function Made({ app, organise, made }: OrganiseProps & { readonly made: MadeRoom }) {
  const copied = organise.copied.value;
  const ready = organise.deedKept.value && organise.credentialSaved.value;
  // The form before was longer than most screens, and its button at the end.
  useEffect(() => scrollTo(0, 0), []);
  return (
    <Shell state="made">
      <section class="card made" aria-labelledby="made-title">
        <h1 class="title" id="made-title">
          {en.made.title}
        </h1>
        <p class="lead">{en.made.what}</p>
        <Keepsake title={en.made.link} hint={en.made.linkHint} test="made-link" text={`${location.origin}/#${made.guestLink}`} copy={() => void organise.copy('link')} copied={copied === 'link'} />
        <Keepsake title={en.made.credential} hint={en.made.credentialHint} test="made-credential" text={made.credential} copy={() => void organise.copy('credential')} copied={copied === 'credential'} concealed>
          <button class="button button-primary button-small" type="button" data-test="save-credential" onClick={() => organise.save()}>
            {en.made.save}
          </button>
        </Keepsake>
        <Keepsake title={en.made.deed} hint={en.made.deedHint} test="made-deed" text={made.deed} copy={() => void organise.copy('deed')} copied={copied === 'deed'} />
        {made.moderators.map((key, place) => (
          <Keepsake key={key} title={en.made.moderator(place + 1)} hint={en.made.moderatorHint} test={`made-moderator-${place + 1}`} text={key} copy={() => void organise.copy(place)} copied={copied === place} concealed>
            <button class="button button-small" type="button" data-test={`save-moderator-${place + 1}`} onClick={() => organise.saveModerator(place)}>
              {en.made.save}
            </button>
          </Keepsake>
        ))}
        <Check
          test="deed-kept"
          text={en.made.deedKept}
          checked={organise.deedKept.value}
          set={(kept) => {
            organise.deedKept.value = kept;
          }}
        />
        <Copying copied={copied} />
        <button class="button button-primary button-large" type="button" data-test="enter-made" disabled={!ready} aria-describedby="enter-hint" onClick={() => void app.enterMade()}>
          {en.made.enter}
        </button>
        <p class="hint" id="enter-hint">
          {ready ? en.made.enterHint : en.made.notYet}
        </p>
      </section>
    </Shell>
  );
}

interface KeepsakeProps {
  readonly title: string;
  readonly hint: string;
  readonly test: string;
  readonly text: string;
  readonly copied: boolean;
  readonly concealed?: boolean;
  readonly copy: () => void;
  readonly children?: preact.ComponentChildren;
}

/** A text to keep or to pass on: readable, selectable, with a button that copies it. */
export function Keepsake({ title, hint, test, text, copied, concealed = false, copy, children }: KeepsakeProps) {
  const hintId = useId();
  return (
    <div class="keepsake">
      <label class="field">
        <span class="section-title">{title}</span>
        <textarea class={concealed ? 'input keepsake-text concealed' : 'input keepsake-text'} data-test={test} readOnly dir="ltr" rows={concealed ? 2 : 4} spellcheck={false} aria-describedby={hintId} value={text} />
      </label>
      <p class="hint" id={hintId}>
        {hint}
      </p>
      <div class="knock-actions">
        {children}
        <button class="button button-small" type="button" data-test={`copy-${test}`} onClick={copy}>
          <CopyIcon />
          {copied ? en.made.copied : en.made.copy}
        </button>
      </div>
    </div>
  );
}

/** For ears: the button's word changes for eyes. */
export function Copying({ copied }: { readonly copied: Copied }) {
  return (
    <p class={copied === 'failed' ? 'hint hint-warn' : 'unseen'} role="status">
      {copied === 'failed' ? en.made.copyFailed : copied === 'none' ? '' : en.made.copied}
    </p>
  );
}
