// A picture that says whose it is and which frame it is, and still says so after a lossy encoder at low bitrates.
//
// Classic script text, shared by the pages (fake camera, reading of received pictures) and by Node (tests of itself).
// A word of 32 bits stands in two rows of sixteen blocks at the bottom: id 4, kind 2, frame counter 18, checksum 8.
// The rest of the picture is for human eyes.
// eslint-disable-next-line no-unused-vars
const blockCode = (() => {
  const WIDTH = 320;
  const HEIGHT = 180;
  const COLUMNS = 16;
  const ROWS = 2;
  const CELL_W = WIDTH / COLUMNS;
  const CELL_H = 28;
  const TOP = HEIGHT - ROWS * CELL_H;
  const KINDS = ['camera', 'screen'];
  /** Frames (and tone steps) per second; the counter is derived from the wall clock, so that delay can be read. */
  const PER_SECOND = 10;
  const COUNTER_BITS = 18;

  /** CRC-8 (polynomial 0x07). The start value makes all-dark and all-light pictures invalid words. */
  function checksum(word24) {
    let crc = 0x5a;
    for (let shift = 16; shift >= 0; shift -= 8) {
      crc ^= (word24 >>> shift) & 0xff;
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
    }
    return crc;
  }

  function encode({ id, kind, counter }) {
    const word24 = (id << 20) | (KINDS.indexOf(kind) << 18) | (counter % 2 ** COUNTER_BITS);
    return ((word24 << 8) | checksum(word24)) >>> 0;
  }

  function decodeWord(word) {
    const word24 = word >>> 8;
    if (checksum(word24) !== (word & 0xff)) return null;
    const kind = KINDS[(word24 >>> 18) & 3];
    return kind === undefined ? null : { id: word24 >>> 20, kind, counter: word24 % 2 ** COUNTER_BITS };
  }

  /** The counter that a source shows at this moment. */
  function counterAt(epochMs, nowMs) {
    return Math.floor(((nowMs - epochMs) * PER_SECOND) / 1000) % 2 ** COUNTER_BITS;
  }

  /** How many frames `older` is behind `newer`, wrap-around included. */
  function behind(older, newer) {
    return (newer - older + 2 ** COUNTER_BITS) % 2 ** COUNTER_BITS;
  }

  function draw(context, { id, kind, counter }) {
    const hue = (id * 67) % 360;
    context.fillStyle = `hsl(${hue} 45% ${kind === 'screen' ? 88 : 32}%)`;
    context.fillRect(0, 0, WIDTH, TOP);
    // A head and shoulders that sway a little, or a page with lines: something that moves, for the encoder and for people.
    const sway = Math.sin(counter / 6) * 6;
    context.fillStyle = `hsl(${hue} 35% ${kind === 'screen' ? 30 : 78}%)`;
    if (kind === 'screen') {
      for (let line = 0; line < 7; line += 1) context.fillRect(24, 14 + line * 15, 150 + ((line * 53 + counter) % 110), 6);
    } else {
      context.beginPath();
      context.arc(WIDTH / 2 + sway, 48, 26, 0, 2 * Math.PI);
      context.fill();
      context.beginPath();
      context.ellipse(WIDTH / 2 + sway / 2, TOP + 4, 58, 44, 0, Math.PI, 2 * Math.PI);
      context.fill();
    }
    const word = encode({ id, kind, counter });
    for (let bit = 0; bit < COLUMNS * ROWS; bit += 1) {
      const on = (word >>> (31 - bit)) & 1;
      context.fillStyle = on ? `hsl(${hue} 60% 90%)` : `hsl(${hue} 80% 10%)`;
      context.fillRect((bit % COLUMNS) * CELL_W, TOP + Math.floor(bit / COLUMNS) * CELL_H, CELL_W, CELL_H);
    }
  }

  /** Reads RGBA pixels of WIDTH × HEIGHT; null if there is no valid word in them. */
  function read(pixels) {
    const levels = [];
    for (let bit = 0; bit < COLUMNS * ROWS; bit += 1) {
      const x0 = (bit % COLUMNS) * CELL_W + CELL_W * 0.3;
      const y0 = TOP + Math.floor(bit / COLUMNS) * CELL_H + CELL_H * 0.3;
      let sum = 0;
      let count = 0;
      for (let y = Math.floor(y0); y < y0 + CELL_H * 0.4; y += 1) {
        for (let x = Math.floor(x0); x < x0 + CELL_W * 0.4; x += 1) {
          const at = (y * WIDTH + x) * 4;
          sum += 0.3 * pixels[at] + 0.6 * pixels[at + 1] + 0.1 * pixels[at + 2];
          count += 1;
        }
      }
      levels.push(sum / count);
    }
    const low = Math.min(...levels);
    const high = Math.max(...levels);
    if (high - low < 60) return null;
    let word = 0;
    for (const level of levels) word = ((word << 1) | (level > (low + high) / 2 ? 1 : 0)) >>> 0;
    return decodeWord(word);
  }

  // The tone: each member has a band of eight frequencies and steps through them, one step per counter.
  const STEPS = 8;
  function frequency(id, counter) {
    return 500 + (id - 1) * 380 + (counter % STEPS) * 40;
  }

  return { WIDTH, HEIGHT, PER_SECOND, STEPS, KINDS, encode, decodeWord, draw, read, counterAt, behind, frequency };
})();
