// A button for what cannot be taken back: it asks once, in its own place.

import { useEffect, useRef, useState } from 'preact/hooks';
import { en } from '../text/en';

export interface SureProps {
  /** Of the button; `${test}-yes` is the answer that does it. */
  readonly test: string;
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly onYes: () => void;
}

export function Sure({ test, label, question, yes, onYes }: SureProps) {
  const [asked, setAsked] = useState(false);
  const no = useRef<HTMLButtonElement>(null);
  // The harmless answer is the near one.
  useEffect(() => no.current?.focus(), [asked]);
  if (!asked) {
    return (
      <button class="button button-danger" type="button" data-test={test} onClick={() => setAsked(true)}>
        {label}
      </button>
    );
  }
  return (
    <div class="sure" role="alertdialog" aria-label={question}>
      <p>{question}</p>
      <p class="knock-actions">
        <button
          class="button button-small button-danger"
          type="button"
          data-test={`${test}-yes`}
          onClick={() => {
            onYes();
            setAsked(false);
          }}
        >
          {yes}
        </button>
        <button ref={no} class="button button-small" type="button" data-test={`${test}-no`} onClick={() => setAsked(false)}>
          {en.room.endNo}
        </button>
      </p>
    </div>
  );
}
