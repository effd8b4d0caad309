// The frame of every screen outside a call: mark, card, footer.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { en } from '../text/en';
import { Mark } from './icons';

export interface ShellProps {
  readonly state: 'loading' | 'welcome' | 'join' | 'organise' | 'made' | 'keep' | 'waiting' | 'ended' | 'error';
  readonly code?: string;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Shell({ state, code, wide = false, children }: ShellProps) {
  const main = useFocusOnce();
  return (
    <main ref={main} tabIndex={-1} class={wide ? 'page page-wide' : 'page'} data-state={state} {...(code === undefined ? {} : { 'data-code': code })}>
      <header class="brand">
        <Mark />
        <span class="brand-name">{en.product}</span>
        <span class="brand-tagline">{en.tagline}</span>
      </header>
      {children}
    </main>
  );
}

/** A new screen takes the focus, so that a screen reader starts at its beginning and not at nothing. */
export function useFocusOnce() {
  const element = useRef<HTMLElement>(null);
  useEffect(() => element.current?.focus({ preventScroll: true }), []);
  return element;
}
