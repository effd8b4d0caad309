// A server to which no datagram finds its way by the address that it tells, in a network namespace of its own. Either the network carries TCP
// and no UDP, as in many hotels and offices, and drops every datagram without a word; or it carries all, and the server tells an
// address that is not its own any more, while its name is right. The server is what an operator would run: its public name, port 443, TLS; the
// authority that vouches for it is the test's own and is in the browsers' stores.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChromium } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';
import { Server } from './server.mjs';

const NAME = 'meet.test';
/** TEST-NET-2 (RFC 5737): on no real network. */
const HERE = '198.51.100.1';
const THERE = '198.51.100.2';
/** Nobody's. */
const NOWHERE = '198.51.100.3';

const run = (file, ...args) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });

export class CutOff {
  /** Makes the network, the authority and the server. Needs root, as namespaces do. `astray`: UDP passes, and the server tells a wrong address. */
  static async start({ astray = false } = {}) {
    const cut = new CutOff();
    cut.astray = astray;
    cut.told = astray ? NOWHERE : THERE;
    cut.address = THERE;
    cut.space = `conclave-${process.pid}`;
    cut.folder = mkdtempSync(join(tmpdir(), 'conclave-cut-off-'));
    try {
      cut.#network();
      cut.#authority();
      cut.server = await Server.start({
        place: { command: ['ip', 'netns', 'exec', cut.space], name: NAME, origin: `https://${NAME}` },
        more: [
          ['name', NAME],
          ['tls.mode', 'files'],
          ['tls.certificate', cut.#file('chain.pem')],
          ['tls.key', cut.#file('key.pem')],
          ['public_addresses', cut.told],
        ].flatMap(([key, value]) => ['--set', `${key}=${value}`]),
      });
    } catch (error) {
      await cut.stop().catch(() => {});
      throw error;
    }
    return cut;
  }

  #file(name) {
    return join(this.folder, name);
  }

  #inside(...command) {
    return run('ip', 'netns', 'exec', this.space, ...command);
  }

  #network() {
    const [outer, inner] = [`cv${process.pid}a`, `cv${process.pid}b`];
    run('ip', 'netns', 'add', this.space);
    run('ip', 'link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', this.space);
    run('ip', 'address', 'add', `${HERE}/29`, 'dev', outer);
    run('ip', 'link', 'set', outer, 'up');
    this.#inside('ip', 'address', 'add', `${THERE}/29`, 'dev', inner);
    this.#inside('ip', 'link', 'set', inner, 'up');
    this.#inside('ip', 'link', 'set', 'lo', 'up');
    if (this.astray) return;
    for (const chain of ['INPUT', 'OUTPUT']) this.#inside('iptables', '-A', chain, '-p', 'udp', '-j', 'DROP');
  }

  /** How many datagrams were dropped on their way in: the browsers did try. */
  dropped() {
    const counters = String(this.#inside('iptables', '-L', 'INPUT', '-v', '-n', '-x'));
    const line = counters.split('\n').find((entry) => entry.includes('DROP'));
    return Number(line?.trim().split(/\s+/)[0]);
  }

  #authority() {
    const openssl = (...args) => execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Authority of a test');
    openssl('req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', `/CN=${NAME}`);
    writeFileSync(this.#file('extensions'), `subjectAltName=DNS:${NAME}\nextendedKeyUsage=serverAuth\n`);
    openssl('x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2', '-extfile', 'extensions', '-out', 'chain.pem');
  }

  /** Puts the authority into a store of NSS, which both browsers read. */
  #trust(store) {
    mkdirSync(store, { recursive: true, mode: 0o700 });
    run('certutil', '-d', `sql:${store}`, '-N', '--empty-password');
    run('certutil', '-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'test', '-i', this.#file('ca.pem'));
  }

  async chromium() {
    const home = this.#file('home');
    this.#trust(join(home, '.pki', 'nssdb'));
    // For TURN over UDP it asks for the name with a dot at its end.
    return startChromium({ home, more: [`--host-resolver-rules=MAP ${NAME} ${THERE},MAP ${NAME}. ${THERE}`] });
  }

  async firefox() {
    const profile = this.#file('firefox');
    this.#trust(profile);
    return startFirefox({ 'network.dns.forceResolve': THERE }, { profile });
  }

  async stop() {
    await this.server?.stop();
    // The other end of the pair of interfaces goes with the namespace.
    run('ip', 'netns', 'delete', this.space);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
