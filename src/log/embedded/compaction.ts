import { encodeBatch } from '../batch.ts';
import type { ProducerRecord } from '../port.ts';
import type { StoredBatch } from '../stored-batch.ts';
import type { Pass } from './cleaner.ts';
import type { CleaningRow, Survey } from './reader.ts';
import { MAX_SPAN, MERGED_BYTES, Rewriting, storedBatches } from './rewriting.ts';

/** Keys whose newest offsets are held in memory at once; what is beyond waits for the next pass. */
const MAX_KEYS = 1_000_000;

/** A run of stored batches that will be one. */
type Merge = {
  readonly rows: Survey[];
  readonly records: ProducerRecord[];
  readonly offsets: number[];
  bytes: number;
  changed: boolean;
  tombstonesUntil: number | null;
};

const keyOf = (batch: StoredBatch, index: number) => batch.key(index)?.toString('latin1') ?? '';

/**
 * Compaction in the manner of Kafka's log cleaner: the newest offset of each key of the dirty stretch is held in a
 * map, then all batches up to its end are rewritten without the records that it supersedes. Offsets stay. A
 * tombstone is kept from its first pass on for the topic's retention, by the wall clock, so that every reader who takes
 * no longer than that has seen it (KIP-534).
 */
export class Compaction {
  readonly #pass: Pass;
  readonly #partition: CleaningRow;
  readonly #tombstoneRetentionMs: number;
  readonly #now: number;
  readonly #rewriting: Rewriting;
  readonly #newest = new Map<string, number>();
  #to: number;
  #merge: Merge = emptyMerge();
  #kept = 0;
  #tombstonesDue: number | null = null;

  constructor(pass: Pass, partition: CleaningRow, tombstoneRetentionMs: number) {
    this.#pass = pass;
    this.#partition = partition;
    this.#rewriting = new Rewriting(pass, partition.id);
    this.#tombstoneRetentionMs = tombstoneRetentionMs;
    this.#now = pass.clock.now();
    this.#to = partition.end;
  }

  async run(): Promise<void> {
    await this.#mapNewest();
    for await (const { row, batch } of storedBatches(this.#pass, this.#partition, this.#partition.start)) {
      if (row.baseOffset >= this.#to) break;
      this.#filter(row, batch);
      if (!(await this.#rewriting.step())) return;
    }
    this.#flush();
    await this.#rewriting.send({
      compactedTo: this.#to,
      records: this.#kept,
      tombstonesDue: this.#tombstonesDue,
    });
  }

  async #mapNewest(): Promise<void> {
    const { id, compactedTo } = this.#partition;
    // An interrupted pass may have merged the batch that began there into an earlier one.
    const from = this.#pass.reader.fetch(id, compactedTo, 1)[0]?.[0] ?? compactedTo;
    for await (const { row, batch } of storedBatches(this.#pass, this.#partition, from)) {
      if (row.baseOffset >= this.#partition.end) return;
      for (let i = 0; i < batch.count; i++) this.#newest.set(keyOf(batch, i), batch.offset(i));
      if (this.#newest.size < MAX_KEYS) continue;
      this.#to = row.nextOffset;
      return;
    }
  }

  #filter(row: Survey, batch: StoredBatch): void {
    const { counts } = this.#pass;
    const expired = row.tombstonesUntil !== null && row.tombstonesUntil <= this.#now;
    const kept: number[] = [];
    let tombstones = false;
    for (let i = 0; i < batch.count; i++) {
      const newest = this.#newest.get(keyOf(batch, i));
      const tombstone = batch.hasTombstone && batch.value(i) === null;
      if (newest !== undefined && newest > batch.offset(i)) counts.compactedRecords++;
      else if (tombstone && expired) counts.expiredTombstones++;
      else {
        kept.push(i);
        tombstones ||= tombstone;
      }
    }
    this.#kept += kept.length;
    const until = tombstones ? (row.tombstonesUntil ?? this.#now + this.#tombstoneRetentionMs) : null;
    const changed = kept.length < batch.count || until !== row.tombstonesUntil;
    if (!changed && batch.byteLength >= MERGED_BYTES) {
      this.#flush();
      this.#noteTombstones(until);
      if (this.#isNew(row)) this.#rewriting.add({ ...row, batch: batch.bytes });
      return;
    }
    this.#gather(row, batch, kept, until, changed);
  }

  #gather(
    row: Survey,
    batch: StoredBatch,
    kept: readonly number[],
    until: number | null,
    changed: boolean,
  ): void {
    const first = this.#merge.rows[0];
    const tooWide = first !== undefined && row.nextOffset - first.baseOffset > MAX_SPAN;
    if (tooWide || this.#merge.bytes + batch.byteLength > MERGED_BYTES) this.#flush();
    const merge = this.#merge;
    merge.rows.push(row);
    merge.changed ||= changed;
    merge.bytes += Math.ceil((batch.byteLength * kept.length) / Math.max(1, batch.count));
    for (const i of kept) {
      merge.records.push(batch.record(i));
      merge.offsets.push(batch.offset(i));
    }
    if (until !== null) merge.tombstonesUntil = Math.max(until, merge.tombstonesUntil ?? until);
  }

  #flush(): void {
    const { rows, records, offsets, changed, tombstonesUntil } = this.#merge;
    this.#merge = emptyMerge();
    const first = rows[0];
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return;
    this.#noteTombstones(tombstonesUntil);
    if (rows.length === 1 && !changed && !this.#isNew(first)) return;
    const { baseOffset } = first;
    const { nextOffset } = last;
    const gone = records.length === 0 ? rows : rows.slice(1);
    for (const row of gone) this.#rewriting.add({ ...row, batch: null });
    if (records.length === 0) return;
    const deltas = offsets.map((offset) => offset - baseOffset);
    const { bytes, maxTimestamp } = encodeBatch(records, deltas, nextOffset - baseOffset);
    this.#rewriting.add({ baseOffset, nextOffset, newest: maxTimestamp, tombstonesUntil, batch: bytes });
  }

  /** Whether no pass has seen the batch, so that it is not packed yet. */
  #isNew({ baseOffset }: Survey): boolean {
    return baseOffset >= this.#partition.compactedTo;
  }

  #noteTombstones(until: number | null): void {
    if (until !== null) this.#tombstonesDue = Math.min(until, this.#tombstonesDue ?? until);
  }
}

const emptyMerge = (): Merge => ({
  rows: [],
  records: [],
  offsets: [],
  bytes: 0,
  changed: false,
  tombstonesUntil: null,
});
