// The frame of every screen outside a call: mark, card, footer.

import type { ComponentChildren } from 'preact';
import { en } from '../text/en';
import { Mark } from './icons';

export interface ShellProps {
  readonly state: 'loading' | 'welcome' | 'join' | 'waiting' | 'ended' | 'error';
  readonly code?: string;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Shell({ state, code, wide = false, children }: ShellProps) {
  return (
    <main class={wide ? 'page page-wide' : 'page'} data-state={state} {...(code === undefined ? {} : { 'data-code': code })}>
      <header class="brand">
        <Mark />
        <span class="brand-name">{en.product}</span>
        <span class="brand-tagline">{en.tagline}</span>
      </header>
      {children}
    </main>
  );
}
