// The real server, started as a person would start it: its own process, a free port, an empty data folder.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { until, within } from './until.mjs';

const BIN = process.env.CONCLAVE_BIN_DIR ?? new URL('../../../target/debug', import.meta.url).pathname;

export const program = (name) => join(BIN, name);

/** A port that was free a moment ago, for TCP and, by the server's own choice of the same number, for UDP. */
export async function freePort() {
  const probe = createServer();
  await new Promise((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export class Server {
  /**
   * `tap: true` starts the same server with its taps open (tests/bots). `port`, `listen` and `more` (further options) are for
   * tests that put something between browsers and the server. `plain`: media where the server takes it by itself, and not on
   * loopback alone. `place`: a command in front that puts the process somewhere else, with the name and origin that it has there;
   * it answers once it says so itself. `restore`: a backup of another server's rooms to begin with.
   */
  static async start({ tap = false, port, listen = '127.0.0.1', plain = false, more = [], place, restore } = {}) {
    const server = new Server();
    server.port = port ?? (await freePort());
    server.name = `localhost:${server.port}`;
    server.origin = `http://${server.name}`;
    server.data = mkdtempSync(join(tmpdir(), 'conclave-test-'));
    const address = `127.0.0.1:${server.port}`;
    const options = [...more, '--listen', `${listen}:${server.port}`, ...(plain ? [] : ['--udp', address]), '--name', server.name, '--data-dir', server.data];
    server.command = tap ? [program('conclave-tap'), options] : [program('conclave'), ['serve', '--config', '/dev/null', ...options]];
    if (place !== undefined) {
      Object.assign(server, { name: place.name, origin: place.origin, says: `listening on ${place.origin}` });
      const [file, ...args] = place.command;
      server.command = [file, [...args, program('conclave'), 'serve', '--config', '/dev/null', '--data-dir', server.data, ...more]];
    }
    server.log = [];
    server.answers = [];
    if (restore !== undefined) await server.run('restore', restore);
    await server.#run();
    return server;
  }

  async #run() {
    const [file, args] = this.command;
    this.end = undefined;
    this.process = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.process.stderr }).on('line', (line) => this.log.push(line));
    createInterface({ input: this.process.stdout }).on('line', (line) => this.answers.push(line));
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve({ error }));
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    void this.ended.then((end) => (this.end = end));
    await until(
      'the server answers',
      20_000,
      async () => {
        if (this.end !== undefined) throw new Error(`the server ended: ${JSON.stringify(this.end)}\n${this.log.join('\n')}`);
        if (this.says !== undefined) return this.log.some((line) => line.includes(this.says));
        return fetch(`${this.origin}/healthz`).then((answer) => answer.ok, () => false);
      },
      () => this.log.join('\n'),
    );
  }

  /** Ends it as a crash or a power cut would: no farewell, nothing put in order. */
  async kill() {
    this.process.kill('SIGKILL');
    await within('the server is gone', 10_000, this.ended);
  }

  /** Starts it once more, at the same address, with what it had stored. */
  async again() {
    await this.#run();
  }

  /**
   * Makes a room with the command line and returns what it printed: guest_link, host_credential, deed. Anyone begins, unless `begin` is
   * 'host': then guests wait for the host and ask to be let in (`lobby: false`: without asking). `strict`: everybody
   * falls silent while a removal does not take effect.
   */
  async makeRoom({ begin = 'anyone', lobby = true, strict = false, title = '' } = {}) {
    const args = ['room', 'create', '--data-dir', this.data, '--begin', begin, '--title', title, '--print-links', '--json'];
    if (!lobby) args.push('--no-lobby');
    if (strict) args.push('--strict');
    const { stdout } = await promisify(execFile)(program('conclave'), args, { timeout: 20_000 });
    const room = JSON.parse(stdout);
    if (!String(room.guest_link).startsWith(`${this.origin}/#g`)) throw new Error('the command line printed no guest link of this server');
    return room;
  }

  /** The command line, against the running server; returns what it printed. */
  async run(...args) {
    const { stdout } = await promisify(execFile)(program('conclave'), [...args, '--data-dir', this.data], { timeout: 20_000 });
    return stdout;
  }

  /** A one-use link with which an organiser makes a room. */
  async makeTicket() {
    return JSON.parse(await this.run('ticket', 'create', '--json')).ticket_link;
  }

  /** One question to a server with taps: a JSON line in, a JSON line out. */
  async ask(question) {
    const before = this.answers.length;
    this.process.stdin.write(`${JSON.stringify(question)}\n`);
    await until('the tap answers', 60_000, () => this.answers.length > before, () => this.log.slice(-5).join('\n'));
    return JSON.parse(this.answers[before]);
  }

  /** Ends it as ctrl-c does, and insists on a clean end. */
  async stop() {
    this.process.kill('SIGINT');
    const end = await within('the server ends after SIGINT', 15_000, this.ended).catch((error) => {
      this.process.kill('SIGKILL');
      throw error;
    });
    rmSync(this.data, { recursive: true, force: true });
    if (end.code !== 0) throw new Error(`the server ended with ${JSON.stringify(end)}\n${this.log.slice(-20).join('\n')}`);
  }
}
