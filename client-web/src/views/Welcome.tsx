// The page without a link.

import { en } from '../text/en';
import { LinkField } from './LinkField';
import type { ViewProps } from './props';
import { Shell } from './Shell';

export function Welcome({ app }: ViewProps) {
  return (
    <Shell state="welcome">
      <section class="card" aria-labelledby="welcome-title">
        <h1 class="title" id="welcome-title">
          {en.welcome.title}
        </h1>
        <p class="lead">{en.welcome.what}</p>
        <LinkField app={app} />
        <p class="footnote">{en.welcome.noLink}</p>
      </section>
    </Shell>
  );
}
