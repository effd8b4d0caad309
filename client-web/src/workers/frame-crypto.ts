// What this client needs of the frame encryption module, written down by hand: the type checker holds the generated
// bindings against it, so that a change on the Rust side shows as a compile error here and nowhere else.

export interface FrameCrypto {
  setEpoch(
    epoch: bigint,
    baseKey: Uint8Array,
    ownLeaf: number,
    leaves: Uint8Array,
    dropOldAfterMs: number,
    removed: Uint32Array,
    nowMs: number,
    switchAfterMs?: number | null,
  ): boolean;
  hold(on: boolean): void;
  handleTime(nowMs: number): void;
  timeout(): number | undefined;
  seal(kind: number, codec: number, keyFrame: boolean, captureMs: number, data: Uint8Array): Uint8Array | undefined;
  open(nowMs: number, expected: Uint8Array, kind: number, codec: number, keyFrame: boolean, data: Uint8Array): Uint8Array | undefined;
  lastTransport(): Uint8Array;
  free(): void;
}
