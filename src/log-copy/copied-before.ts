import type { TopicPartition } from '#log';
import { type CopySide, digestPartition, type HashedRecord, hashedRecords } from './partition-digest.ts';
import type { Offsets } from './stretch.ts';

export type CopiedBefore = {
  readonly from: CopySide;
  readonly to: CopySide;
  readonly at: TopicPartition;
  readonly compacted: boolean;
  /** Source offsets: what was copied before, and where its records end. */
  readonly begun: Offsets;
  readonly end: number;
  /** All there is on the target. */
  readonly there: Offsets;
  readonly signal: AbortSignal;
};

/** Whether a partition of the target holds what was copied before, and nothing else. */
export async function holdsCopiedAlone(options: CopiedBefore): Promise<boolean> {
  const { from, to, at, compacted, begun, there, signal } = options;
  if (compacted && begun.from < begun.to) return holdsCopiedRows(options);
  const source = await digestPartition(from, at, { ...begun, compacted: false, signal });
  const target = await digestPartition(to, at, { ...there, compacted: false, signal });
  return source.digest === target.digest;
}

/**
 * Compaction of the source may have taken records away since they were copied, as far as there are newer ones of their
 * keys, which may not have been copied yet.
 */
async function holdsCopiedRows({ from, to, at, begun, end, there, signal }: CopiedBefore): Promise<boolean> {
  const source = new Map<string, string>();
  const newer = new Set<string>();
  for await (const records of hashedRecords(from, at, { from: begun.from, to: end, signal })) {
    for (const record of records) {
      if (record.offset >= begun.to) newer.add(record.key);
      else put(source, record);
    }
  }
  const target = new Map<string, string>();
  for await (const records of hashedRecords(to, at, { ...there, signal })) {
    for (const record of records) put(target, record);
  }
  for (const [key, hash] of target) if (source.get(key) !== hash && !newer.has(key)) return false;
  for (const [key, hash] of source) if (target.get(key) !== hash) return false;
  return true;
}

function put(rows: Map<string, string>, { key, isTombstone, hash }: HashedRecord): void {
  if (isTombstone) rows.delete(key);
  else rows.set(key, hash.toString('latin1'));
}
