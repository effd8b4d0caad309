// Who is in the call: exactly those who hold its keys.

import type { Tile } from '../state/call';
import { en } from '../text/en';
import { CameraIcon, HandIcon, MicIcon, ScreenIcon } from './icons';
import { Panel } from './Panel';
import type { CallProps } from './props';
import { CopyLink } from './Trouble';

export function PeoplePanel({ app, call }: CallProps) {
  const tiles = call.tiles.value;
  const sharer = call.screen.value?.id;
  return (
    <Panel title={en.people.title} call={call}>
      <p class="hint">
        {en.people.count(tiles.length)}. {en.people.why}
      </p>
      <ul class="people" data-test="people-list">
        {tiles.map((tile) => (
          <Person key={tile.id} tile={tile} sharing={tile.id === sharer} />
        ))}
      </ul>
      <div class="panel-foot">
        <CopyLink app={app} />
      </div>
    </Panel>
  );
}

function Person({ tile, sharing }: { readonly tile: Tile; readonly sharing: boolean }) {
  const note = tile.lost ? en.call.lost : tile.hidden ? en.call.away : null;
  return (
    <li class={tile.speaking ? 'person is-speaking' : 'person'} data-test="person" data-member={tile.name}>
      <span class={`avatar tile-hue-${tile.hue}`} aria-hidden="true">
        {tile.initials}
      </span>
      <span class="person-text">
        <bdi class="person-name">{tile.name}</bdi>
        {tile.self && <span class="tag">{en.call.you}</span>}
        {tile.twin && (
          <span class="tag tag-warn" title={en.call.twinWhy}>
            {en.call.twin}
          </span>
        )}
        {note !== null && <span class="person-note">{note}</span>}
      </span>
      <span class="person-icons">
        {tile.hand && (
          <span role="img" aria-label={en.call.hand}>
            <HandIcon />
          </span>
        )}
        {sharing && (
          <span role="img" aria-label={en.call.share}>
            <ScreenIcon />
          </span>
        )}
        {!tile.camera && (
          <span role="img" class="is-faint" aria-label={en.call.cameraIsOff}>
            <CameraIcon off />
          </span>
        )}
        {!tile.microphone && (
          <span role="img" class="is-faint" aria-label={en.call.muted}>
            <MicIcon off />
          </span>
        )}
      </span>
    </li>
  );
}
