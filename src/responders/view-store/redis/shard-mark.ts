/**
 * What lies beside the rows of a shard and is read with every MGET of them: that they are there, whether they may
 * change, and how far they are. All of it goes where the rows go, and comes back with them from an older backup.
 *
 *     0   u8    'o' open: being followed; 's' sealed: never to change again
 *     1   f64   when it was saved, ms of the wall clock
 *     9   f64   watermark, ms of event time; -Infinity before there is one
 *     17  f64   for each topic of the entity, for each partition: the offset below which all rows are here
 */
const OPEN = 'o'.charCodeAt(0);
const SEALED = 's'.charCodeAt(0);
const FIXED_BYTES = 17;

export type ShardProgress = {
  readonly savedAt: number;
  readonly watermark: number;
  readonly offsets: readonly number[];
};

export type ShardMark = ShardProgress & { readonly isSealed: boolean };

export function encodeMark({ savedAt, watermark, offsets }: ShardProgress): Buffer {
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + 8 * offsets.length);
  bytes.writeUInt8(OPEN, 0);
  bytes.writeDoubleBE(savedAt, 1);
  bytes.writeDoubleBE(watermark, 9);
  for (const [i, offset] of offsets.entries()) bytes.writeDoubleBE(offset, FIXED_BYTES + 8 * i);
  return bytes;
}

/** Undefined where there is none, or one of other topics. */
export function decodeMark(bytes: Buffer | null, offsetCount: number): ShardMark | undefined {
  if (bytes === null || bytes.length !== FIXED_BYTES + 8 * offsetCount) return undefined;
  return {
    isSealed: isSealed(bytes),
    savedAt: bytes.readDoubleBE(1),
    watermark: bytes.readDoubleBE(9),
    offsets: Array.from({ length: offsetCount }, (_, i) => bytes.readDoubleBE(FIXED_BYTES + 8 * i)),
  };
}

/** When a mark was saved, whatever its topics; 0 if there is none. */
export function savedAtOf(bytes: Buffer | null): number {
  return bytes === null || bytes.length < FIXED_BYTES ? 0 : bytes.readDoubleBE(1);
}

/** For reads, which need no more of it. */
export function isOpen(bytes: Buffer | null): boolean {
  return bytes !== null && bytes[0] === OPEN;
}

export function isSealed(bytes: Buffer): boolean {
  return bytes[0] === SEALED;
}
