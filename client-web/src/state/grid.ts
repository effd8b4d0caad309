// How n tiles fill a stage. Pure arithmetic; the view only applies the result.

export interface Fit {
  readonly columns: number;
  readonly rows: number;
  /** Size of one tile, whole pixels. */
  readonly width: number;
  readonly height: number;
}

/** Pictures are 16:9: wider tiles would cut faces at chin and forehead, narrower ones cut away what is beside them. */
const WIDEST = 16 / 9;
/** On a wide screen whole pictures fit; on a phone held upright larger faces are worth the loss at the sides. */
const NARROWEST_WIDE = 4 / 3;
const NARROWEST_TALL = 4 / 5;

/** The column count that gives every tile the largest area; of equals, the one with fewer empty places. */
export function fitGrid(n: number, width: number, height: number, gap: number): Fit {
  let best: Fit = { columns: 1, rows: Math.max(1, n), width: 0, height: 0 };
  if (n < 1 || width <= 0 || height <= 0) return best;
  const narrowest = width > height ? NARROWEST_WIDE : NARROWEST_TALL;
  let bestScore = -1;
  for (let columns = 1; columns <= n; columns += 1) {
    const rows = Math.ceil(n / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    if (cellWidth <= 0 || cellHeight <= 0) continue;
    const ratio = Math.min(WIDEST, Math.max(narrowest, cellWidth / cellHeight));
    const tileWidth = Math.min(cellWidth, cellHeight * ratio);
    const tileHeight = Math.min(cellHeight, cellWidth / ratio);
    const empty = rows * columns - n;
    const score = tileWidth * tileHeight * (1 - 0.02 * empty);
    if (score > bestScore) {
      bestScore = score;
      best = { columns, rows, width: Math.floor(tileWidth), height: Math.floor(tileHeight) };
    }
  }
  return best;
}
