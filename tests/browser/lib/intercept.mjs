// Changing one script on its way into the page; everything else, and all headers, stay the server's own.
import { readFileSync } from 'node:fs';

export const pageText = (name) => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');

/**
 * Pauses only requests of the page itself whose address contains `part`. Never all of them: what a worker asks for (its WebAssembly) is
 * then paused in the worker's own session too, and now and then not let go.
 */
async function pause(page, part, handle) {
  const session = await page.createCDPSession();
  session.on('Fetch.requestPaused', (event) => void handle(session, event));
  await session.send('Fetch.enable', { patterns: [{ urlPattern: `*${part}*` }] });
}

/** `change(text)` returns the new script for requests whose address contains `part`. Returns how often it was used. */
export async function changeScript(page, part, change) {
  const used = { times: 0 };
  await pause(page, part, async (session, { requestId, request }) => {
    const answer = await fetch(request.url);
    used.times += 1;
    const responseHeaders = [...answer.headers]
      .filter(([name]) => !['content-length', 'content-encoding'].includes(name))
      .map(([name, value]) => ({ name, value }));
    const body = Buffer.from(change(await answer.text())).toString('base64');
    await session.send('Fetch.fulfillRequest', { requestId, responseCode: answer.status, responseHeaders, body });
  });
  return used;
}

/** Scripts whose address contains `part` do not arrive. */
export async function failScript(page, part) {
  await pause(page, part, (session, { requestId }) => session.send('Fetch.failRequest', { requestId, errorReason: 'Failed' }));
}
