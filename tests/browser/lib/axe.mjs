// What axe-core finds wrong with a page for people who cannot see, hear or use a mouse well. It finds about half of what there is; the rest needs people.
//
// axe-core alone, not its driver for puppeteer: that would bring puppeteer with a browser of its own.
import axe from 'axe-core';

/** The faults of the page as it stands, of any weight: one line each, with the first element concerned. */
export async function faultsFound(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations);
  return violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.length} times, first ${nodes[0].target.join(' ')}: ${nodes[0].failureSummary.replaceAll(/\s+/g, ' ')})`);
}
