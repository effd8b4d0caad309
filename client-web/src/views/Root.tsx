// Chooses the screen.

import { en } from '../text/en';
import { Call } from './Call';
import { Join } from './Join';
import { Keep } from './Keep';
import { Organise } from './Organise';
import type { ViewProps } from './props';
import { Shell } from './Shell';
import { Trouble } from './Trouble';
import { Waiting } from './Waiting';
import { Welcome } from './Welcome';

export function Root({ app }: ViewProps) {
  const screen = app.screen.value;
  const call = app.call.value;
  switch (screen.at) {
    case 'loading':
      return (
        <Shell state="loading">
          <p class="hint" role="status">
            {en.loading}
          </p>
        </Shell>
      );
    case 'welcome':
      return <Welcome app={app} />;
    case 'join':
      return <Join app={app} />;
    case 'organise':
      return app.organise.value === null ? null : <Organise app={app} organise={app.organise.value} />;
    case 'keep':
      return app.keep.value === null ? null : <Keep app={app} keep={app.keep.value} />;
    case 'waiting':
      return call === null ? null : <Waiting app={app} call={call} />;
    case 'call':
      return call === null ? null : <Call app={app} call={call} />;
    case 'ended':
      return <Trouble app={app} code={screen.reason} ended />;
    case 'error':
      return <Trouble app={app} code={screen.code} {...(screen.servers === undefined ? {} : { servers: screen.servers })} />;
  }
}
