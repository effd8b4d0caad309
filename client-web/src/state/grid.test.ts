import { describe, expect, it } from 'vitest';
import { fitGrid } from './grid';

describe('grid', () => {
  it('keeps every tile inside the stage', () => {
    for (const [width, height] of [[1280, 640], [360, 560], [800, 300], [40, 40]] as const) {
      for (let n = 1; n <= 25; n += 1) {
        const fit = fitGrid(n, width, height, 8);
        expect(fit.columns * fit.rows).toBeGreaterThanOrEqual(n);
        expect(fit.columns * fit.width + 8 * (fit.columns - 1)).toBeLessThanOrEqual(width);
        expect(fit.rows * fit.height + 8 * (fit.rows - 1)).toBeLessThanOrEqual(height);
      }
    }
  });

  it('puts two beside each other on a desktop and above each other on a phone', () => {
    expect(fitGrid(2, 1280, 640, 8).columns).toBe(2);
    expect(fitGrid(2, 360, 560, 8).columns).toBe(1);
  });

  it('does not cut a wide picture to a narrow one on a desktop', () => {
    const fit = fitGrid(3, 1256, 630, 8);
    expect(fit.columns).toBe(2);
    expect(fit.width / fit.height).toBeGreaterThanOrEqual(1.32);
  });

  it('squares four and eight as people expect', () => {
    expect(fitGrid(4, 1280, 720, 8)).toMatchObject({ columns: 2, rows: 2 });
    expect(fitGrid(8, 360, 560, 8).columns).toBe(2);
  });

  it('survives a stage that has no size yet', () => {
    expect(fitGrid(3, 0, 0, 8)).toMatchObject({ width: 0, height: 0 });
  });
});
