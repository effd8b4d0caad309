// What stands in the WebAssembly memory of a page's workers, and in the memory of the browser's processes. Found from outside, by the browser's own
// debugger and by /proc: the product has no hook for it.
import { openSync, closeSync, readFileSync, readSync, readdirSync } from 'node:fs';

/** What is looked for is handed on under this mask, so that the search does not find itself. */
const MASK = 0xa5;
const masked = (bytes) => Buffer.from(bytes).map((byte) => byte ^ MASK).toString('hex');

/** Runs in the worker. For each needle the places at which it begins, in all memories one after another. */
function look(needles, mask) {
  const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  const found = {};
  for (const [name, text] of needles) {
    const needle = bytesOf(text);
    found[name] = [];
    for (const memory of this) {
      const bytes = new Uint8Array(memory.buffer);
      const first = needle[0] ^ mask;
      for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
        let same = 1;
        while (same < needle.length && bytes[at + same] === (needle[same] ^ mask)) same += 1;
        if (same === needle.length) found[name].push(at);
      }
    }
  }
  return found;
}

export class WorkerMemory {
  #client;
  #memories;

  /** Every WebAssembly.Memory of a worker. They are held: what becomes of them later can still be looked at, as long as the worker lives. */
  static async of(worker) {
    const memory = new WorkerMemory();
    memory.#client = worker.client;
    const { result } = await worker.client.send('Runtime.evaluate', { expression: 'WebAssembly.Memory.prototype' });
    const { objects } = await worker.client.send('Runtime.queryObjects', { prototypeObjectId: result.objectId });
    memory.#memories = objects.objectId;
    return memory;
  }

  /** { name: places } for needles { name: bytes }. */
  async find(needles) {
    const list = Object.entries(needles).map(([name, bytes]) => [name, masked(bytes)]);
    return this.#call(look, [list, MASK]);
  }

  size() {
    return this.#call(function () {
      return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    }, []);
  }

  async #call(what, values) {
    const { result, exceptionDetails } = await this.#client.send('Runtime.callFunctionOn', {
      functionDeclaration: `${what}`,
      objectId: this.#memories,
      arguments: values.map((value) => ({ value })),
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}

/** Process ids of a browser's renderers. */
export function renderers(browser) {
  const folder = `--type=renderer`;
  const parent = (id) => Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${id}/stat`, 'latin1'))?.[1]);
  const root = browser.process().pid;
  const below = (id) => {
    for (let at = id, steps = 0; at > 1 && steps < 10; at = parent(at), steps += 1) if (at === root) return true;
    return false;
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, 'latin1').includes(folder) && below(Number(id));
      } catch {
        return false; // Ended meanwhile.
      }
    })
    .map(Number);
}

/** How often each needle stands in the writable memory of a process: { name: count }. */
export function inProcess(id, needles) {
  const found = Object.fromEntries(Object.keys(needles).map((name) => [name, 0]));
  const file = openSync(`/proc/${id}/mem`, 'r');
  const chunk = Buffer.alloc(4 << 20);
  let scanned = 0;
  try {
    for (const line of readFileSync(`/proc/${id}/maps`, 'latin1').split('\n')) {
      const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (range === null) continue;
      const end = Number(`0x${range[2]}`);
      // Pieces overlap, so that nothing hides on a seam.
      for (let at = Number(`0x${range[1]}`); at < end; at += chunk.length - 64) {
        let read = 0;
        try {
          read = readSync(file, chunk, 0, Math.min(chunk.length, end - at), at);
        } catch {
          continue; // Reserved, or gone meanwhile.
        }
        scanned += read;
        const piece = chunk.subarray(0, read);
        for (const [name, bytes] of Object.entries(needles)) {
          for (let hit = piece.indexOf(bytes); hit >= 0; hit = piece.indexOf(bytes, hit + 1)) found[name] += 1;
        }
      }
    }
  } finally {
    closeSync(file);
  }
  return { found, scanned };
}
