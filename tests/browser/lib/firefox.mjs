// Starting Firefox over WebDriver BiDi. One process for all its members of a call; each has a context, and so storage, of
// its own.
import puppeteer from 'puppeteer-core';
import { existsSync } from 'node:fs';

const CANDIDATES = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'];

/** `profile`: a folder to use and keep. Without one, an empty profile that is deleted at the end. */
export async function startFirefox(prefs = {}, { profile } = {}) {
  const executablePath = CANDIDATES.find((path) => path !== undefined && path !== '' && existsSync(path));
  if (executablePath === undefined) throw new Error('no Firefox found; set FIREFOX to its path');
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    ...(profile === undefined ? {} : { userDataDir: profile }),
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      // The server of these tests is on loopback, and so are both ends of the media path.
      'media.peerconnection.ice.loopback': true,
      // A sound card of its own: without any, Web Audio, which makes and reads the tests' tones, never starts.
      'media.cubeb.force_mock_context': true,
      // Without a permission for devices Firefox uses the default route's address alone. The tests' own devices ask for none.
      'permissions.default.camera': 1,
      'permissions.default.microphone': 1,
      // Nothing is fetched behind the page's back: these machines have no network.
      'app.normandy.enabled': false,
      'browser.safebrowsing.downloads.enabled': false,
      'media.gmp-manager.updateEnabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      ...prefs,
    },
  });
}
