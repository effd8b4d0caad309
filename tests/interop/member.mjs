// A member of a group by ts-mls, an implementation of RFC 9420 that shares no code with ours.
//
// It does what it is told on standard input, a command and its arguments in hexadecimal on each line, and answers each
// with one line: "ok" and a result, or "error" and a reason. It does not know our rules, our envelopes or our server:
// client-web/core/src/group/interop.rs drives it and compares.

import { createInterface } from "node:readline";

import {
  createApplicationMessage,
  decodeMlsMessage,
  defaultCryptoProvider,
  encodeMlsMessage,
  generateKeyPackage,
  joinGroup,
  makePskIndex,
  mlsExporter,
  processPrivateMessage,
} from "ts-mls";

// Suite 0x004F as our link version 1 means it. Numbers of suites with ML-KEM are provisional: ts-mls knows 0x004F under
// this name, as ML-KEM-768 alone with SHA-384 and AES-256. The name decides nothing but the number on the wire; what is
// computed with is listed here.
const SUITE = {
  name: "MLS_256_MLKEM768_AES256GCM_SHA384_Ed25519",
  hash: "SHA-256",
  hpke: { kem: "X-Wing", kdf: "HKDF-SHA256", aead: "AES128GCM" },
  signature: "Ed25519",
};

// docs/protocol.md, section 2.
const GROUP_EXTENSION = 0xf0c1;
const LEAF_EXTENSION = 0xf0c2;

// Of an MLSMessage, before the key package in it: version and wire format. Our knocks carry the package alone.
const MESSAGE_HEAD = 4;

const suite = await defaultCryptoProvider.getCiphersuiteImpl(SUITE);
let own;
let psks;
let state;

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");

/** The one message in `data`, which must be of this wire format and fill it. */
function message(data, wireformat) {
  const decoded = decodeMlsMessage(data, 0);
  if (decoded === undefined || decoded[1] !== data.length) throw new Error("not one MLS message");
  if (decoded[0].wireformat !== wireformat) throw new Error(`a ${decoded[0].wireformat}`);
  return decoded[0];
}

const commands = {
  /** Makes keys for the member with this id and these leaf data. */
  async package(id, leaf) {
    const capabilities = {
      versions: ["mls10"],
      ciphersuites: [SUITE.name],
      extensions: [GROUP_EXTENSION, LEAF_EXTENSION],
      proposals: [],
      credentials: ["basic"],
    };
    const credential = { credentialType: "basic", identity: bytes(id) };
    const extension = { extensionType: LEAF_EXTENSION, extensionData: bytes(leaf) };
    // Our library refuses a key package that is valid for longer than about three months, as ts-mls would make it.
    const now = BigInt(Math.floor(Date.now() / 1000));
    const lifetime = { notBefore: now - 3600n, notAfter: now + 24n * 3600n };
    own = await generateKeyPackage(credential, capabilities, lifetime, [], suite, [extension]);
    const encoded = encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_key_package",
      keyPackage: own.publicPackage,
    });
    return hex(encoded.slice(MESSAGE_HEAD));
  },

  /** The external pre-shared key: the link's. */
  async secret(id, psk) {
    psks = makePskIndex(undefined, { [Buffer.from(bytes(id)).toString("base64")]: bytes(psk) });
    return "";
  },

  async welcome(data) {
    const { welcome } = message(bytes(data), "mls_welcome");
    state = await joinGroup(welcome, own.publicPackage, own.privatePackage, psks, suite);
    return "";
  },

  /** Applies a commit; says whether this member is still in the group. */
  async commit(data) {
    const { privateMessage } = message(bytes(data), "mls_private_message");
    const result = await processPrivateMessage(state, privateMessage, psks, suite);
    if (result.kind !== "newState") throw new Error(`not a commit but ${result.kind}`);
    state = result.newState;
    return state.groupActiveState.kind;
  },

  /** The number of the epoch. */
  epoch: async () => String(state.groupContext.epoch),

  /** The group's extension as this member holds it. */
  async rules() {
    const found = state.groupContext.extensions.filter((e) => e.extensionType === GROUP_EXTENSION);
    if (found.length !== 1) throw new Error(`${found.length} extensions of the group`);
    return hex(found[0].extensionData);
  },

  authenticator: async () => hex(state.keySchedule.epochAuthenticator),

  export: async (label, context, length) =>
    hex(
      await mlsExporter(
        state.keySchedule.exporterSecret,
        Buffer.from(bytes(label)).toString(),
        bytes(context),
        Number.parseInt(length, 16),
        suite,
      ),
    ),

  async seal(words) {
    const sealed = await createApplicationMessage(state, bytes(words), suite);
    state = sealed.newState;
    return hex(
      encodeMlsMessage({
        version: "mls10",
        wireformat: "mls_private_message",
        privateMessage: sealed.privateMessage,
      }),
    );
  },

  async open(data) {
    const { privateMessage } = message(bytes(data), "mls_private_message");
    const result = await processPrivateMessage(state, privateMessage, psks, suite);
    if (result.kind !== "applicationMessage") throw new Error(`not words but ${result.kind}`);
    state = result.newState;
    return hex(result.message);
  },
};

// A test that hangs says nothing: this process ends, its output with it, and whoever reads that fails. Everything here
// takes a second or two on an idle machine.
setTimeout(() => process.exit(1), 120_000).unref();

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...values] = line.split(" ");
  try {
    console.log(`ok ${await commands[command](...values)}`);
  } catch (error) {
    console.log(`error ${command}: ${String(error).replaceAll("\n", " ")}`);
  }
}
