// The page without a link.

import { en } from '../text/en';
import { LinkField } from './LinkField';
import type { ViewProps } from './props';
import { Shell } from './Shell';

export function Welcome({ app }: ViewProps) {
  const offer = app.place.offer.value;
  return (
    <Shell state="welcome">
      <section class="card" aria-labelledby="welcome-title">
        <h1 class="title" id="welcome-title">
          {en.welcome.title}
        </h1>
        <p class="lead">{en.welcome.what}</p>
        {offer !== 'none' && (
          <p class="notice-box" data-test="place-note">
            {offer === 'offered' ? en.welcome.back : en.welcome[offer]}
          </p>
        )}
        <LinkField app={app} />
        <p class="footnote">{en.welcome.noLink}</p>
      </section>
    </Shell>
  );
}
