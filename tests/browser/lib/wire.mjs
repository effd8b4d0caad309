// The real server with a relay before its TCP port that keeps a copy of what passes: for tests that must know what crossed
// the wire (nonces, ids) in order to look for it elsewhere.
import { connect, createServer } from 'node:net';
import { freePort, Server } from './server.mjs';

const NEAR = '127.0.0.1';
const FAR = '127.0.0.2';

/** Payloads of the WebSocket frames in one direction of a connection; empty if it was no WebSocket. */
function* payloads(bytes) {
  for (const { payload } of frames(bytes)) yield payload;
}

/** The same, each with the place in the stream where it ends. */
function* frames(bytes) {
  let at = bytes.indexOf('\r\n\r\n') + 4;
  if (at < 4 || !/upgrade: websocket/i.test(bytes.subarray(0, at).toString('latin1'))) return;
  while (at + 2 <= bytes.length) {
    const masked = (bytes[at + 1] & 0x80) !== 0;
    let length = bytes[at + 1] & 0x7f;
    at += 2;
    if (length === 126) {
      if (at + 2 > bytes.length) return;
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      if (at + 8 > bytes.length) return;
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    const mask = masked ? bytes.subarray(at, at + 4) : null;
    at += masked ? 4 : 0;
    if (at + length > bytes.length) return;
    const payload = Buffer.from(bytes.subarray(at, at + length));
    at += length;
    if (mask !== null) for (let n = 0; n < length; n += 1) payload[n] ^= mask[n & 3];
    yield { payload, end: at };
  }
}

export class Wire {
  #connections = [];
  #relay;

  static async start() {
    const wire = new Wire();
    const port = await freePort();
    wire.#relay = createServer((near) => wire.#carry(near, port));
    await new Promise((resolve, reject) => wire.#relay.once('error', reject).listen(port, NEAR, resolve));
    try {
      wire.server = await Server.start({ port, listen: FAR, more: ['--public-ip', NEAR] });
    } catch (error) {
      wire.#relay.close();
      throw error;
    }
    return wire;
  }

  #carry(near, port) {
    const far = connect(port, FAR);
    const kept = { up: [], down: [], times: [], sockets: [near, far] };
    this.#connections.push(kept);
    for (const [socket, way] of [[near, 'up'], [far, 'down']]) {
      socket.on('data', (data) => {
        kept[way].push(data);
        kept.times.push({ way, at: performance.timeOrigin + performance.now(), bytes: data.length });
      });
    }
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of kept.sockets) socket.setNoDelay(true).on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
  }

  /** What the admissions so far said in clear, by the protocol page: [{ room, nonces, transport }], bytes each. */
  admissions() {
    const found = [];
    for (const { up, down } of this.#connections) {
      const nonces = [];
      // 1 Challenge { 0: 32 bytes }; 32 Hello { 0: 16 bytes, 1: 32 bytes, 2: 32 bytes }.
      for (const payload of payloads(Buffer.concat(down))) {
        if (payload.subarray(0, 6).toString('hex') === '8201a1005820') nonces.push(payload.subarray(6, 38));
      }
      for (const payload of payloads(Buffer.concat(up))) {
        if (payload.subarray(0, 5).toString('hex') !== '821820a300') continue;
        found.push({ room: payload.subarray(6, 22), nonces: [...nonces, payload.subarray(25, 57)], transport: payload.subarray(60, 92) });
      }
    }
    return found;
  }

  /** Every message so far, in the order of its last byte: { at (ms, wall clock), down, type, bytes }. */
  get messages() {
    const found = [];
    for (const kept of this.#connections) {
      for (const way of ['up', 'down']) {
        const arrivals = kept.times.filter((time) => time.way === way);
        let next = 0;
        let total = 0;
        for (const { payload, end } of frames(Buffer.concat(kept[way]))) {
          while (total < end && next < arrivals.length) total += arrivals[next++].bytes;
          // A CBOR array of two, whose first is the type: below 24 in the same byte, else in the next.
          if (payload[0] !== 0x82) continue;
          found.push({ at: arrivals[next - 1].at, down: way === 'down', type: payload[1] === 0x18 ? payload[2] : payload[1], bytes: payload.length });
        }
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  async stop() {
    await this.server.stop();
    for (const { sockets } of this.#connections) for (const socket of sockets) socket.destroy();
    this.#relay.close();
  }
}
