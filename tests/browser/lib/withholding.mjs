// The evil server's part: the real server behind a relay that keeps from members what a test says, or leads some of them to a second
// server which knows the same rooms. Reads only what stands on the wire in clear (docs/protocol.md §2) and makes nothing up: what passes is,
// byte for byte, what browser or server sent; words may be passed to the other server's members, too. Media goes to the servers directly.
// Its limit: what the honest server behind it does by itself (it takes rights from whoever does not follow, and passes none of their words on)
// happens here as well, and can be hidden from the one but not undone.
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { freePort, Server } from './server.mjs';
import { until } from './until.mjs';

const NEAR = '127.0.0.1';
/** Where the server is, and the second one. Browsers only know NEAR. */
const FAR = ['127.0.0.2', '127.0.0.3'];

/** Types of messages and kinds of envelopes, as the protocol page numbers them. */
const TYPES = new Map([[3, 'notice'], [4, 'envelope'], [12, 'rights'], [35, 'envelope']]);
const KINDS = [null, 'commit', 'message', 'welcome', 'knock', 'card'];
const CHUNKS = [5, 36];
const BINARY = 2;

/** Deterministic CBOR as the protocol uses it: numbers, bytes, texts, arrays, maps, true, false, null. */
function cbor(bytes) {
  let at = 0;
  const number = (short) => {
    if (short < 24) return short;
    const width = 2 ** (short - 24);
    at += width;
    return width === 8 ? Number(bytes.readBigUInt64BE(at - 8)) : bytes.readUIntBE(at - width, width);
  };
  const value = () => {
    const [major, short] = [bytes[at] >> 5, bytes[at] & 31];
    at += 1;
    if (major === 7) return { 20: false, 21: true }[short] ?? null;
    const n = number(short);
    if (major === 0) return n;
    if (major === 2 || major === 3) return bytes.subarray(at, (at += n));
    if (major === 4) return Array.from({ length: n }, value);
    if (major === 5) return new Map(Array.from({ length: n }, () => [value(), value()]));
    throw new Error(`no CBOR that the protocol uses: major type ${major}`);
  };
  return value();
}

/** The WebSocket frame that begins here, once all of it has come: { raw, opcode, payload }. */
function frame(bytes) {
  if (bytes.length < 2) return null;
  let [at, length] = [2, bytes[1] & 0x7f];
  if (length === 126) [at, length] = [4, bytes.length < 4 ? Infinity : bytes.readUInt16BE(2)];
  else if (length === 127) [at, length] = [10, bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2))];
  const mask = bytes[1] & 0x80 ? bytes.subarray(at, at + 4) : null;
  if (mask !== null) at += 4;
  if (bytes.length < at + length) return null;
  const payload = Buffer.from(bytes.subarray(at, at + length));
  if (mask !== null) for (let n = 0; n < length; n += 1) payload[n] ^= mask[n & 3];
  if ((bytes[0] & 0x80) === 0) throw new Error('a message in several frames: this relay reads none');
  return { raw: bytes.subarray(0, at + length), opcode: bytes[0] & 0x0f, payload };
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

export class Withholding {
  /**
   * Says of a message whether it goes no further. { who: whose connection, down: to them (else from them), type, kind: of the envelope,
   * from: of an envelope on its way down, whose it is }. Null: all passes.
   */
  withholds = null;
  /** What went no further, each with the time (performance.now). */
  withheld = [];
  #relay;
  #open = new Set();
  /** Whose connections are led to the second server. */
  #apart = new Set();
  /** Whether words of those at one server are passed on to those at the other, too. */
  wordsCross = false;
  /** Who sent an envelope, by its hash: the server does not say. */
  #senders = new Map();

  static async start() {
    const evil = new Withholding();
    const port = await freePort();
    evil.#relay = createServer((near) => evil.#carry(near, port));
    await new Promise((resolve, reject) => evil.#relay.once('error', reject).listen(port, NEAR, resolve));
    try {
      evil.server = await Server.start({ port, listen: FAR[0], more: ['--public-ip', NEAR] });
    } catch (error) {
      evil.#relay.close();
      throw error;
    }
    return evil;
  }

  /** For `before` of `Member.open`: the relay knows this browser's connections by this name, whatever keys they show. */
  knows(name) {
    return (page) => page.browserContext().setCookie({ name: 'who', value: name, domain: 'localhost', path: '/' });
  }

  /** Leads these members to a second server, which was made from a backup of the first and knows the same rooms: their connections end, and the next ones go there. */
  async split(names) {
    if (this.second === undefined) {
      const copy = join(this.server.data, 'copy.sqlite');
      await this.server.run('backup', copy);
      const [udp, { port }] = [await freePort(), this.server];
      this.second = await Server.start({ port, listen: FAR[1], plain: true, more: ['--udp', `${NEAR}:${udp}`, '--public-ip', NEAR], restore: copy });
    }
    this.#apart = new Set(names);
    this.#cut(this.#apart);
  }

  /** Leads everybody to the one server again. */
  unite() {
    const names = this.#apart;
    this.#apart = new Set();
    this.#cut(names);
  }

  #cut(names) {
    for (const { who, end } of this.#open) if (names.has(who)) end();
  }

  #carry(near, port) {
    near.once('data', (first) => {
      const who = /^cookie:.*\bwho=(\w+)/im.exec(first.toString('latin1'))?.[1] ?? null;
      const upgrade = /^upgrade: websocket/im.test(first.toString('latin1'));
      const far = connect(port, FAR[this.#apart.has(who) ? 1 : 0]);
      const end = () => [near, far].forEach((socket) => socket.destroy());
      const entry = { who: upgrade ? who : null, near, end };
      this.#open.add(entry);
      for (const socket of [near, far]) {
        socket.setNoDelay(true).on('error', end).on('close', () => {
          this.#open.delete(entry);
          end();
        });
      }
      far.write(first);
      if (!upgrade) {
        near.pipe(far);
        far.pipe(near);
        return;
      }
      near.on('data', this.#read(who, false, far, false));
      far.on('data', this.#read(who, true, near, true));
    });
    near.on('error', () => near.destroy());
  }

  /** Words of a member at one server, brought to those at the other as its own server brings them to the others: [4, { 1: envelope }]. */
  #cross(from, envelope) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(envelope.length);
    const message = Buffer.concat([Buffer.from('8204a10159', 'hex'), length, envelope]);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(message.length);
    const whole = Buffer.concat([Buffer.from([0x82, 126]), size, message]);
    for (const { who, near } of this.#open) {
      if (who !== null && this.#apart.has(who) !== this.#apart.has(from)) near.write(whole);
    }
  }

  /** Reads one direction frame by frame and passes on what is not withheld. `head`: the answer to the upgrade comes first. */
  #read(who, down, to, head) {
    let [bytes, pieces] = [Buffer.alloc(0), []];
    return (data) => {
      bytes = Buffer.concat([bytes, data]);
      if (head) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return;
        to.write(bytes.subarray(0, end + 4));
        bytes = bytes.subarray(end + 4);
        head = false;
      }
      for (let next = frame(bytes); next !== null; next = frame(bytes)) {
        bytes = bytes.subarray(next.raw.length);
        const message = next.opcode === BINARY ? cbor(next.payload) : null;
        if (message !== null && CHUNKS.includes(message[0])) {
          // A long message is judged as a whole, when all of it is here.
          pieces.push({ raw: next.raw, data: message[1].get(3) });
          if (message[1].get(2) === true) {
            const whole = cbor(Buffer.concat(pieces.map((piece) => piece.data)));
            if (this.#passes(who, down, whole)) for (const { raw } of pieces) to.write(raw);
            pieces = [];
          }
        } else if (message === null || this.#passes(who, down, message)) to.write(next.raw);
      }
    };
  }

  #passes(who, down, [type, body]) {
    const message = { who, down, type: TYPES.get(type) ?? String(type), kind: null, from: null };
    if (message.type === 'envelope') {
      const envelopes = down ? [body.get(1)] : body.get(0);
      message.kind = KINDS[cbor(cbor(envelopes[0])[0]).get(1)];
      if (!down) for (const envelope of envelopes) this.#senders.set(hash(envelope), who);
      if (!down && message.kind === 'message' && this.wordsCross) this.#cross(who, envelopes[0]);
      else message.from = this.#senders.get(hash(envelopes[0])) ?? null;
    }
    if (!this.withholds?.(message)) return true;
    this.withheld.push({ at: performance.now(), ...message });
    return false;
  }

  /** Waits until something for which `fits` holds was kept back, and returns it. */
  untilWithheld(what, ms, fits) {
    return until(`the relay keeps back ${what}`, ms, () => this.withheld.find(fits), () => JSON.stringify(this.withheld.slice(-8)));
  }

  async stop() {
    for (const { end } of this.#open) end();
    this.#relay.close();
    await this.second?.stop();
    await this.server.stop();
  }
}
