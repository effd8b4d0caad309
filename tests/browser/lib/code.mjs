// The page scripts as text, and the block code for Node.
import { readFileSync } from 'node:fs';

const text = (name) => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');

/** The block code itself, the very text that runs in pages. */
export const blockCode = new Function(`${text('code.js')}\nreturn blockCode;`)();

/** Everything that is put into a page before its own first line. */
export function pageScript(settings) {
  return `(() => {\nconst settings = ${JSON.stringify(settings)};\n${text('code.js')}\n${text('devices.js')}\n${text('probe.js')}\n})();`;
}
