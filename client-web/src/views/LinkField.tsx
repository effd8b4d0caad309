// Where a link is pasted, or an owner's key, which holds the link too. It goes nowhere but into this page's memory: no navigation, no form submission, no history.

import { useState } from 'preact/hooks';
import { en } from '../text/en';
import { OwnerFaultText } from './OwnerField';
import type { ViewProps } from './props';

export function LinkField({ app }: ViewProps) {
  const [text, setText] = useState('');
  const open = (event: Event): void => {
    event.preventDefault();
    if (text.trim() !== '') void app.openPasted(text.trim());
  };
  return (
    <form class="link-form" onSubmit={open} autocomplete="off">
      <label class="field">
        <span class="field-label">{en.welcome.field}</span>
        <input
          class="input"
          data-test="link-input"
          type="text"
          inputMode="url"
          dir="ltr"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          aria-describedby="link-hint"
          placeholder="https://…/#g…z"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <p class="hint" id="link-hint">
        {en.welcome.hint}
      </p>
      <OwnerFaultText app={app} />
      <button class="button button-primary" data-test="link-open" type="submit" disabled={text.trim() === ''}>
        {en.welcome.open}
      </button>
    </form>
  );
}
