// Where a host's credential or a moderator's key is pasted or chosen as a file. Never by an address: a browser keeps those.

import { useRef, useState } from 'preact/hooks';
import { en } from '../text/en';
import { KeyIcon } from './icons';
import type { ViewProps } from './props';

/** A credential is about 400 letters; whatever is much larger is another file. */
const LARGEST_FILE = 16_384;

/** Folded away: most people are guests. */
export function OwnerField({ app }: ViewProps) {
  const owner = app.owner.value;
  if (owner.is === 'good') {
    return (
      <div class="owner is-good" data-test="owner-good">
        <KeyIcon />
        <p role="status">{owner.moderator ? en.join.moderatorGood : en.join.ownerGood}</p>
        {!owner.moderator && (
          <button class="button button-small" type="button" data-test="owner-keep" onClick={() => void app.keepRoom()}>
            {en.join.ownerKeep}
          </button>
        )}
        <button class="button button-small" type="button" data-test="owner-drop" onClick={() => app.dropOwner()}>
          {en.join.ownerDrop}
        </button>
      </div>
    );
  }
  return (
    <details class="owner" open={owner.is === 'faulty'}>
      <summary data-test="owner-open">{en.join.ownerTitle}</summary>
      <OwnerEntry give={(text) => void app.giveOwner(text)} />
      <OwnerFaultText app={app} />
    </details>
  );
}

export function OwnerFaultText({ app }: ViewProps) {
  const owner = app.owner.value;
  return (
    <p class={owner.is === 'faulty' ? 'hint hint-warn' : 'unseen'} role="alert" data-test="owner-fault">
      {owner.is === 'faulty' ? en.owner[owner.problem] : ''}
    </p>
  );
}

/** The field and the file, for whoever asks for a credential. `give` gets the text; what is wrong with it is the caller's to show. */
export function OwnerEntry({ give }: { readonly give: (text: string) => void }) {
  const [unread, setUnread] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const read = async (chosen: File | undefined): Promise<void> => {
    if (chosen === undefined) return;
    setUnread(chosen.size > LARGEST_FILE);
    if (chosen.size > LARGEST_FILE) return;
    try {
      give(await chosen.text());
    } catch {
      setUnread(true);
    }
  };
  return (
    <div class="owner-entry">
      <label class="field">
        <span class="field-label">{en.join.ownerField}</span>
        <textarea
          class="input concealed"
          data-test="owner-input"
          dir="ltr"
          rows={2}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          aria-describedby="owner-hint"
          placeholder="conclave-host1:…"
          onInput={(event) => give(event.currentTarget.value)}
        />
      </label>
      <p class="hint" id="owner-hint">
        {en.join.ownerHint}
      </p>
      <input ref={file} class="unseen" type="file" data-test="owner-file" tabIndex={-1} aria-label={en.join.ownerFile} onChange={(event) => void read(event.currentTarget.files?.[0])} />
      <button class="button button-small" type="button" onClick={() => file.current?.click()}>
        {en.join.ownerFile}
      </button>
      {unread && (
        <p class="hint hint-warn" role="alert">
          {en.join.ownerUnread}
        </p>
      )}
    </div>
  );
}
