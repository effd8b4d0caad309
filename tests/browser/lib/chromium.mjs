// Starting Chromium. One process tree for all members of a call; each member has a context, and so storage, of its own.
import puppeteer from 'puppeteer-core';
import { existsSync } from 'node:fs';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * `profile`: a folder to use and keep. Without one, an empty profile that is deleted at the end. `home`: a home folder, where Chromium
 * looks for authorities to trust. `more`: further switches.
 */
export async function startChromium({ profile, home, more = [] } = {}) {
  const executablePath = CANDIDATES.find((path) => path !== undefined && path !== '' && existsSync(path));
  if (executablePath === undefined) throw new Error('no Chromium found; set CHROMIUM to its path');
  return puppeteer.launch({
    executablePath,
    headless: true,
    ...(profile === undefined ? {} : { userDataDir: profile }),
    ...(home === undefined ? {} : { env: { ...process.env, HOME: home } }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      // Several windows stand for several people's machines: none of them is in the background.
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--disable-background-timer-throttling',
      ...more,
    ],
  });
}

/** The same browser over a new connection: what the old one held of pages (handles of elements) is released. */
export async function reconnected(browser) {
  const process = browser.process();
  await browser.disconnect();
  const again = await puppeteer.connect({ browserWSEndpoint: browser.wsEndpoint(), defaultViewport: null });
  again.process = () => process;
  return again;
}
