// The real server behind a network that can be made bad: datagrams pass through `conclave-impair` (tests/impair), the page
// and the WebSocket through a plain TCP relay. Browsers know no other way: the server names the proxy's address as its own.
//
//   browser ── 127.0.0.1:P TCP (relay) ── 127.0.0.2:P TCP server
//   browser ── 127.0.0.2:P UDP (impair) ── 127.0.0.1:P UDP server
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { freePort, program, Server } from './server.mjs';
import { until } from './until.mjs';

const NEAR = '127.0.0.1';
const FAR = '127.0.0.2';

/** Relays connections; `cut` ends them all, and until `mend` nobody gets through. `dieWith` lets one die without a word. */
class Relay {
  #pairs = new Set();
  #server;
  #cut = false;
  #deadly = null;
  /** Connections taken so far. */
  taken = 0;

  static async start(port) {
    const relay = new Relay();
    relay.#server = createServer((near) => relay.#carry(near, port));
    await new Promise((resolve, reject) => relay.#server.once('error', reject).listen(port, NEAR, resolve));
    return relay;
  }

  #carry(near, port) {
    if (this.#cut) {
      near.destroy();
      return;
    }
    const far = connect(port, FAR);
    const pair = [near, far];
    this.#pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    this.taken += 1;
    let dead = false;
    near.on('data', (chunk) => {
      if (!dead && this.#deadly !== null && chunk.length > this.#deadly) {
        this.#deadly = null;
        dead = true;
        far.unpipe(near);
        far.resume();
      }
      if (!dead && !far.write(chunk)) near.pause();
    });
    far.on('drain', () => near.resume());
    near.on('end', () => far.end());
    far.pipe(near);
  }

  /** The next thing on its way to the server that is longer than this is lost, and its connection is dead from then on: nothing passes, and nobody is told. */
  dieWith(bytes) {
    this.#deadly = bytes;
  }

  /** Whether that has come true. */
  get hasDied() {
    return this.#deadly === null;
  }

  /** Nobody gets a new connection until `mend`; those that are there stay. */
  shut() {
    this.#cut = true;
  }

  /** Every connection breaks, without a farewell on either side. */
  drop() {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  cut() {
    this.#cut = true;
    this.drop();
  }

  mend() {
    this.#cut = false;
  }

  stop() {
    this.drop();
    this.#server.close();
  }
}

export class BadNetwork {
  static async start({ seed = 1 } = {}) {
    const network = new BadNetwork();
    const port = await freePort();
    try {
      network.impair = spawn(program('conclave-impair'), ['--listen', `${FAR}:${port}`, '--to', `${NEAR}:${port}`, '--seed', String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] });
      network.impair.once('error', (error) => (network.fault = error));
      network.answers = [];
      createInterface({ input: network.impair.stdout }).on('line', (line) => network.answers.push(line));
      await network.#answer(0);
      network.relay = await Relay.start(port);
      network.server = await Server.start({ port, listen: FAR, more: ['--public-ip', FAR] });
    } catch (error) {
      await network.stop().catch(() => {});
      throw error;
    }
    return network;
  }

  async #answer(place) {
    await until('the bad network answers', 10_000, () => {
      if (this.fault !== undefined) throw this.fault;
      return this.answers.length > place;
    });
    const answer = JSON.parse(this.answers[place]);
    if (answer.error !== undefined) throw new Error(`the bad network says: ${answer.error}`);
    return answer;
  }

  /** One order to the datagrams' proxy (tests/impair/src/main.rs lists them). One at a time. */
  async tell(order) {
    const place = this.answers.length;
    this.impair.stdin.write(`${order}\n`);
    return this.#answer(place);
  }

  async stop() {
    await this.server?.stop();
    this.relay?.stop();
    // It ends with its input.
    this.impair?.stdin.end();
  }
}
