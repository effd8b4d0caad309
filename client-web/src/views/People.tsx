// Who asks to come in, who is in the call (exactly those who hold its keys), and who came and went.

import type { CallModel } from '../state/call';
import { en } from '../text/en';
import { Knocks } from './Knocks';
import { Panel } from './Panel';
import { Person } from './Person';
import type { CallProps } from './props';
import { CopyLink } from './Trouble';

export function PeoplePanel({ app, call }: CallProps) {
  const tiles = call.tiles.value;
  const sharer = call.screen.value?.id;
  return (
    <Panel title={en.people.title} call={call}>
      <Knocks call={call} />
      <p class="hint">
        {en.people.count(tiles.length)}. {en.people.why}
      </p>
      <ul class="people" data-test="people-list">
        {tiles.map((tile) => (
          <Person key={tile.id} call={call} tile={tile} sharing={tile.id === sharer} />
        ))}
      </ul>
      <Comings call={call} />
      <div class="panel-foot">
        <CopyLink app={app} />
      </div>
    </Panel>
  );
}

/** Short messages vanish; whoever looked away reads here who is new. */
function Comings({ call }: { readonly call: CallModel }) {
  const comings = call.comings.value;
  if (comings.length === 0) return null;
  return (
    <details class="comings">
      <summary>{en.people.comings}</summary>
      <ol data-test="comings">
        {comings.map(({ key, kind, name, time }) => (
          <li key={key}>
            <time>{time}</time> <bdi>{en.toasts[kind](name)}</bdi>
          </li>
        ))}
      </ol>
    </details>
  );
}
