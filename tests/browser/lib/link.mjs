// Guest links, taken apart and put together again by an implementation that shares nothing with ours: docs/protocol.md.
import { createHash, randomBytes } from 'node:crypto';

const GENERATION_END = 4; // version, flags, generation
const SECRET_FROM = GENERATION_END + 16; // room_fp
const SECRET_TO = SECRET_FROM + 32;

function parts(link) {
  const found = /^(.*)#g([A-Za-z0-9_-]+)z$/.exec(link);
  if (found === null) throw new Error('not a guest link');
  const payload = Buffer.from(found[2], 'base64url');
  return { origin: found[1], body: payload.subarray(0, -4), checksum: payload.subarray(-4) };
}

const checksumOf = (body) => createHash('sha256').update('conclave v1 link').update('g').update(body).digest().subarray(0, 4);

const join = (origin, body, checksum) => `${origin}#g${Buffer.concat([body, checksum]).toString('base64url')}z`;

/** Fails unless the link is exactly what the protocol page says. */
export function checkLink(link) {
  const { body, checksum } = parts(link);
  if (body[0] !== 1) throw new Error('unexpected version');
  if (!checksum.equals(checksumOf(body))) throw new Error('the checksum is not the one of the protocol page');
}

/** The 32 bytes that everything of the room is derived from. */
export const secretOf = (link) => parts(link).body.subarray(SECRET_FROM, SECRET_TO);

/** The same room by its public side, with another secret and a correct checksum. */
export function withOtherSecret(link) {
  const { origin, body } = parts(link);
  const other = Buffer.from(body);
  randomBytes(SECRET_TO - SECRET_FROM).copy(other, SECRET_FROM);
  return join(origin, other, checksumOf(other));
}

/** A room that does not exist, with everything well formed. */
export function ofNoRoom(link) {
  const { origin, body } = parts(link);
  const other = Buffer.from(body);
  randomBytes(SECRET_TO - GENERATION_END).copy(other, GENERATION_END);
  return join(origin, other, checksumOf(other));
}

/** The same link as a chat program might cut it. */
export const cut = (link) => link.slice(0, -9);

/** One character mistyped in the middle. */
export function mistyped(link) {
  const at = link.indexOf('#') + 30;
  return link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1);
}
