// The one panel beside the pictures; on a phone it lies over them. Focus goes in when it opens and back when it closes.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CallModel } from '../state/call';
import { en } from '../text/en';
import { CloseIcon } from './icons';

export interface PanelProps {
  readonly title: string;
  readonly call: CallModel;
  readonly children: ComponentChildren;
}

export function Panel({ title, call, children }: PanelProps) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const first = panel.current?.querySelector<HTMLElement>('[data-first-focus]') ?? panel.current;
    first?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside class="panel" ref={panel} tabIndex={-1} aria-label={title}>
      <header class="panel-head" data-test="panel-head">
        <h2 class="panel-title">{title}</h2>
        <button class="control control-small" type="button" data-test="panel-close" aria-label={en.call.close} onClick={() => call.show('none')}>
          <CloseIcon />
        </button>
      </header>
      <div class="panel-body">{children}</div>
    </aside>
  );
}
