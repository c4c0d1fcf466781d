import { type EncodedBatch, encodeBatch } from '../batch.ts';
import type { PartitionOffsets, ProducerRecord, TopicPartition } from '../port.ts';
import { EmptyBatch, FetchedBatch, StoredBatch } from '../stored-batch.ts';

/** Who wrote an entry, as long as and after its transaction is open; compared by identity. */
export type TransactionMark = { readonly transactionalId: string };

type Entry = {
  readonly baseOffset: number;
  readonly nextOffset: number;
  /** Undefined for a control record. */
  stored: StoredBatch | undefined;
  state: 'plain' | 'open' | 'committed' | 'aborted';
  tombstonesUntil: number | undefined;
};

export type Isolation = 'read-committed' | 'read-uncommitted';

/**
 * A partition in memory with what Kafka's have: records of open and aborted transactions among the others, control
 * records that take an offset, and a last stable offset that stays behind the end.
 */
export class SimulatedPartition {
  readonly topic: string;
  readonly partition: number;
  #entries: Entry[] = [];
  /** What open transactions have here. */
  readonly #open = new Map<TransactionMark, Entry[]>();
  #start = 0;
  #end = 0;
  #newest = Number.NEGATIVE_INFINITY;

  constructor({ topic, partition }: TopicPartition) {
    this.topic = topic;
    this.partition = partition;
  }

  get offsets(): PartitionOffsets {
    let stable = this.#end;
    for (const [first] of this.#open.values())
      if (first !== undefined) stable = Math.min(stable, first.baseOffset);
    return { start: this.#start, stable, end: this.#end };
  }

  append(
    batches: readonly EncodedBatch[],
    mark?: TransactionMark,
  ): { baseOffset: number; nextOffset: number } {
    const first = this.#end;
    for (const { bytes, span, maxTimestamp } of batches) {
      const baseOffset = this.#end;
      this.#end += span;
      this.#newest = Math.max(this.#newest, maxTimestamp);
      const entry: Entry = {
        baseOffset,
        nextOffset: this.#end,
        stored: new StoredBatch(this.topic, this.partition, baseOffset, bytes),
        state: mark === undefined ? 'plain' : 'open',
        tombstonesUntil: undefined,
      };
      this.#entries.push(entry);
      if (mark === undefined) continue;
      const open = this.#open.get(mark);
      if (open === undefined) this.#open.set(mark, [entry]);
      else open.push(entry);
    }
    return { baseOffset: first, nextOffset: this.#end };
  }

  /** Ends a transaction here with a control record. */
  end(mark: TransactionMark, state: 'committed' | 'aborted'): void {
    for (const entry of this.#open.get(mark) ?? []) entry.state = state;
    this.#open.delete(mark);
    const baseOffset = this.#end++;
    const control = { stored: undefined, state: 'plain' as const, tombstonesUntil: undefined };
    this.#entries.push({ baseOffset, nextOffset: this.#end, ...control });
  }

  /**
   * Batches from `position` on, as many as have room: see Fetch in assignment.ts. Control records, and to a
   * read-committed reader aborted ones, are batches without records.
   */
  read(
    position: number,
    isolation: Isolation,
    left: number,
    share: number,
    first: boolean,
  ): (StoredBatch | EmptyBatch)[] {
    const { stable, end } = this.offsets;
    const limit = isolation === 'read-committed' ? stable : end;
    const batches: (StoredBatch | EmptyBatch)[] = [];
    let next = position;
    let taken = 0;
    for (let i = this.#indexOf(position); i < this.#entries.length; i++) {
      const entry = this.#entries[i] as Entry;
      if (entry.nextOffset > limit) break;
      const hidden =
        entry.stored === undefined || (isolation === 'read-committed' && entry.state === 'aborted');
      if (hidden) batches.push(new EmptyBatch(this.topic, this.partition, next, entry.nextOffset));
      else {
        const { bytes } = entry.stored as StoredBatch;
        if (bytes.length > (taken === 0 ? left : share - taken) && !(first && taken === 0)) return batches;
        taken += bytes.length;
        const own = new Uint8Array(bytes);
        batches.push(new FetchedBatch(this.topic, this.partition, entry.baseOffset, own, position));
      }
      next = entry.nextOffset;
    }
    // Compaction may have taken all that lay before the limit.
    const following = this.#entries[this.#indexOf(next)]?.baseOffset ?? this.#end;
    const gapEnd = Math.min(following, limit);
    if (gapEnd > next) batches.push(new EmptyBatch(this.topic, this.partition, next, gapEnd));
    return batches;
  }

  /** The first entry that reaches beyond `offset`. */
  #indexOf(offset: number): number {
    let low = 0;
    for (let high = this.#entries.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).nextOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  offsetForTimestamp(timestamp: number): number {
    for (const { stored, state } of this.#entries) {
      if (stored === undefined || state === 'aborted' || stored.maxTimestamp < timestamp) continue;
      for (let i = 0; i < stored.count; i++) if (stored.timestamp(i) >= timestamp) return stored.offset(i);
    }
    return this.#end;
  }

  /** Loses what reaches beyond `offset`, as a broker does that had not flushed it; the offsets are given out again. */
  loseTail(offset: number): void {
    this.#entries = this.#entries.filter((entry) => entry.nextOffset <= offset);
    for (const [mark, entries] of this.#open) {
      const kept = entries.filter((entry) => entry.nextOffset <= offset);
      if (kept.length === 0) this.#open.delete(mark);
      else this.#open.set(mark, kept);
    }
    this.#end = Math.max(this.#start, this.#entries.at(-1)?.nextOffset ?? 0);
  }

  /** The function that it gives brings the partition back to what is here now, open transactions aborted. */
  checkpoint(): () => void {
    // Compaction changes entries in place, and a transaction its state.
    const entries = this.#entries.map((entry): Entry => {
      return entry.state === 'open' ? { ...entry, state: 'aborted' } : { ...entry };
    });
    const [start, end, newest] = [this.#start, this.#end, this.#newest];
    return () => {
      this.#entries = entries.map((entry) => ({ ...entry }));
      this.#open.clear();
      this.#start = start;
      this.#end = end;
      this.#newest = newest;
    };
  }

  /** Removes entries older than `retentionMs` before the newest timestamp or now, from the start; gives their number. */
  expire(retentionMs: number, now: number): number {
    const { stable } = this.offsets;
    const keptFrom = Math.min(this.#newest, now) - retentionMs;
    const kept = this.#entries.findIndex(
      ({ stored, nextOffset }) =>
        nextOffset > stable || (stored !== undefined && stored.maxTimestamp >= keptFrom),
    );
    const gone = kept === -1 ? this.#entries.length : kept;
    this.#entries.splice(0, gone);
    this.#start = this.#entries[0]?.baseOffset ?? this.#end;
    return gone;
  }

  /** Compaction up to the stable offset; returns the number of records removed. */
  compact(now: number, tombstoneRetentionMs: number): number {
    const { stable } = this.offsets;
    const clean = this.#entries.filter(({ nextOffset }) => nextOffset <= stable);
    const newest = new Map<string, number>();
    for (const { stored, state } of clean) {
      if (stored === undefined || state === 'aborted') continue;
      for (let i = 0; i < stored.count; i++) newest.set(keyOf(stored, i), stored.offset(i));
    }
    let removed = 0;
    for (const entry of clean) removed += compactEntry(entry, newest, now, tombstoneRetentionMs);
    this.#entries = this.#entries.filter(
      ({ nextOffset, stored }) => nextOffset > stable || stored !== undefined,
    );
    return removed;
  }
}

const keyOf = (stored: StoredBatch, index: number) => stored.key(index)?.toString('latin1') ?? '';

/** An entry that loses all its records loses its batch. */
function compactEntry(
  entry: Entry,
  newest: ReadonlyMap<string, number>,
  now: number,
  tombstoneRetentionMs: number,
): number {
  const { stored } = entry;
  if (stored === undefined) return 0;
  const expired = entry.tombstonesUntil !== undefined && entry.tombstonesUntil <= now;
  const records: ProducerRecord[] = [];
  const offsets: number[] = [];
  let tombstones = false;
  for (let i = 0; i < stored.count && entry.state !== 'aborted'; i++) {
    const tombstone = stored.value(i) === null;
    if (newest.get(keyOf(stored, i)) !== stored.offset(i) || (tombstone && expired)) continue;
    tombstones ||= tombstone;
    records.push(stored.record(i));
    offsets.push(stored.offset(i) - entry.baseOffset);
  }
  const removed = stored.count - records.length;
  entry.tombstonesUntil = tombstones ? (entry.tombstonesUntil ?? now + tombstoneRetentionMs) : undefined;
  if (records.length === 0) entry.stored = undefined;
  else if (removed > 0) {
    const { bytes } = encodeBatch(records, offsets, entry.nextOffset - entry.baseOffset);
    entry.stored = new StoredBatch(stored.topic, stored.partition, entry.baseOffset, bytes);
  }
  return removed;
}
