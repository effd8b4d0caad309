// One member's tile, and the tile of a shared screen.

import { useContext } from 'preact/hooks';
import type { ClientApp } from '../app/start';
import type { CallModel, ScreenShare, Tile as TileModel } from '../state/call';
import { en } from '../text/en';
import { HandIcon, MicIcon, ScreenIcon } from './icons';
import { StagehandContext, useSlot, useTrack } from './stagehand';

export function Tile({ app, tile }: { readonly app: ClientApp; readonly tile: TileModel }) {
  const picture = tile.self ? app.devices.cameraTrack.value !== null : tile.picture;
  return (
    <div
      class={`tile tile-hue-${tile.hue}${tile.speaking ? ' is-speaking' : ''}${tile.lost ? ' is-lost' : ''}`}
      role="listitem"
      aria-label={describe(tile)}
      data-test="tile"
      data-kind="camera"
      data-id={tile.id}
      data-member={tile.name}
      data-self={tile.self}
      data-mic={tile.microphone ? 'on' : 'off'}
      data-cam={tile.camera ? 'on' : 'off'}
      data-role={tile.role}
      data-speaking={tile.speaking}
    >
      {tile.self ? <OwnPicture app={app} shown={picture} /> : <RemotePicture tile={tile} />}
      {!picture && (
        <div class="tile-empty" aria-hidden="true">
          <span class="initials">{tile.initials}</span>
          {tile.lost ? <span class="tile-note">{en.call.lost}</span> : tile.camera && !tile.self && tile.slot !== null && <span class="tile-note">{en.call.loadingPicture}</span>}
        </div>
      )}
      <Caption tile={tile} />
    </div>
  );
}

function describe(tile: TileModel): string {
  const notes = [
    tile.self ? en.call.you : null,
    tile.role === 'guest' ? null : en.people.roles[tile.role],
    tile.twin ? en.call.twin : null,
    tile.lost ? en.call.lost : null,
    tile.microphone ? null : en.call.muted,
    tile.camera ? null : en.call.cameraIsOff,
    tile.hand ? en.call.hand : null,
  ].filter((note) => note !== null);
  return [tile.name, ...notes].join(', ');
}

function Caption({ tile }: { readonly tile: TileModel }) {
  return (
    <div class="tile-caption">
      {!tile.microphone && (
        <span class="tile-muted" title={en.call.muted}>
          <MicIcon off />
        </span>
      )}
      <bdi class="tile-name">{tile.name}</bdi>
      {tile.self && <span class="tag">{en.call.you}</span>}
      {!tile.self && tile.role !== 'guest' && <span class="tag">{en.people.roles[tile.role]}</span>}
      {tile.twin && (
        <span class="tag tag-warn" title={en.call.twinWhy}>
          {en.call.twin}
        </span>
      )}
      {tile.hand && (
        <span class="tile-hand" title={en.call.hand}>
          <HandIcon />
        </span>
      )}
    </div>
  );
}

function RemotePicture({ tile }: { readonly tile: TileModel }) {
  // A camera that is off leaves its last picture in the slot: nobody should look at it any longer.
  const video = useSlot(tile.camera ? tile.slot : null, tile.transport);
  return <video ref={video} class={tile.picture ? 'tile-video' : 'tile-video is-hidden'} data-test="tile-video" muted playsInline aria-hidden="true" />;
}

function OwnPicture({ app, shown }: { readonly app: ClientApp; readonly shown: boolean }) {
  const video = useTrack(app.devices.cameraTrack.value);
  return <video ref={video} class={shown ? 'tile-video is-mirrored' : 'tile-video is-hidden'} data-test="tile-video" muted playsInline aria-hidden="true" />;
}

export function ScreenTile({ call, screen }: { readonly call: CallModel; readonly screen: ScreenShare }) {
  const title = screen.self ? en.call.sharedByYou : en.call.sharedBy(screen.name);
  return (
    <article class="tile tile-screen" aria-label={title} data-test="tile" data-kind="screen" data-member={screen.name} data-self={screen.self}>
      {screen.self ? <OwnScreen /> : <RemoteScreen screen={screen} />}
      {!screen.picture && (
        <div class="tile-empty" aria-hidden="true">
          <ScreenIcon />
          <span class="tile-note">{en.call.loadingPicture}</span>
        </div>
      )}
      <div class="tile-caption">
        <bdi class="tile-name">{title}</bdi>
        {screen.self && (
          <button class="button button-small" type="button" onClick={() => call.share(false)}>
            {en.call.stopShare}
          </button>
        )}
      </div>
    </article>
  );
}

function RemoteScreen({ screen }: { readonly screen: ScreenShare }) {
  const video = useSlot('screen', screen.transport);
  return <video ref={video} class={screen.picture ? 'tile-video is-whole' : 'tile-video is-hidden'} data-test="tile-video" muted playsInline aria-hidden="true" />;
}

function OwnScreen() {
  const video = useTrack(useContext(StagehandContext).ownScreen());
  return <video ref={video} class="tile-video is-whole" data-test="tile-video" muted playsInline aria-hidden="true" />;
}
