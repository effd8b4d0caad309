// The pictures: a grid, or a shared screen with the people beside it. Sizes come from `state/grid.ts`.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { fitGrid } from '../state/grid';
import { en } from '../text/en';
import type { CallProps } from './props';
import { ScreenTile, Tile } from './Tile';
import { CopyLink } from './Trouble';

/** Space between tiles, in pixels; the style sheet has the same number. */
const GAP = 8;

export function Stage({ app, call }: CallProps) {
  const tiles = call.tiles.value;
  const screen = call.screen.value;
  const alone = tiles.length < 2 && screen === null;
  return (
    <section class={screen !== null ? 'stage has-screen' : alone ? 'stage is-alone' : 'stage'} aria-label={en.call.stage}>
      {screen !== null && <ScreenTile key={screen.id} call={call} screen={screen} />}
      <Grid app={app} call={call} strip={screen !== null} />
      {alone && (
        <div class="alone" role="status">
          <p>
            <strong>{en.call.alone}</strong> {en.call.aloneHint}
          </p>
          <CopyLink app={app} />
        </div>
      )}
    </section>
  );
}

function Grid({ app, call, strip }: CallProps & { readonly strip: boolean }) {
  const grid = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = grid.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const tiles = call.tiles.value;
  // In the frame in which the sizes change: in the one after, pictures of the size before would lie over other things for a moment.
  useLayoutEffect(() => {
    const style = grid.current?.style;
    if (style === undefined) return;
    const fit = fitGrid(tiles.length, size.width, size.height, GAP);
    // Written through the style object: a style attribute would need a looser policy.
    style.setProperty('--tile-width', `${fit.width}px`);
    style.setProperty('--tile-height', `${fit.height}px`);
  }, [tiles.length, size]);
  return (
    <div class={strip ? 'grid is-strip' : 'grid'} ref={grid} {...(strip ? { tabIndex: 0 } : {})} role="list" aria-label={en.call.grid}>
      {tiles.map((tile) => (
        <Tile key={tile.id} app={app} tile={tile} />
      ))}
    </div>
  );
}
