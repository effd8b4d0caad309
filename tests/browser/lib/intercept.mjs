// Changing one script on its way into the page; everything else, and all headers, stay the server's own.
import { readFileSync } from 'node:fs';

export const pageText = (name) => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');

/** `change(text)` returns the new script for requests whose address contains `part`. Returns how often it was used. */
export async function changeScript(page, part, change) {
  const used = { times: 0 };
  await page.setRequestInterception(true);
  page.on('request', async (request) => {
    if (!request.url().includes(part)) return void request.continue();
    const answer = await fetch(request.url());
    used.times += 1;
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !['content-length', 'content-encoding'].includes(name)));
    await request.respond({ status: answer.status, headers, body: change(await answer.text()) });
  });
  return used;
}
