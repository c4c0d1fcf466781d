import { createHash } from 'node:crypto';
import {
  decoded,
  type LogSource,
  type SourcePartition,
  STATE_TABLES,
  type StateTable,
  type StoredRow,
} from '#log';
import type { Clock } from '#platform';
import { topics } from '#schemas';
import { EntryWriter } from '../log-entries.ts';
import type { Manifest, PartitionState, TableChanges } from '../manifest.ts';
import type { ObjectRef, Objects } from '../objects.ts';
import type { BackupState } from '../state.ts';

/** Batches read at once: 256 KB each, at most. */
const STEP_ROWS = 64;
/** Bytes of batches in one object. */
const OBJECT_BYTES = 8 * 1024 * 1024;
/** What is left is read in one transaction when a pass has found no more than that. */
const LAST_PASS_BYTES = 4 * 1024 * 1024;

export type LogShippingOptions = {
  readonly objects: Objects;
  readonly clock: Clock;
  readonly decisionsTopic: string;
  readonly state: BackupState;
  readonly wholeAt: number;
};

export type LogPart = { readonly at: number; readonly log: Manifest['log'] };

/** Up to where a partition is shipped, with the last batch of it; `whole`: until when nothing can be missing there, ms. */
type Place = { end: number; whole: number; last?: StoredRow };

/** What the log has beyond `state`, written as objects. */
export class LogShipping {
  readonly #source: LogSource;
  readonly #objects: Objects;
  readonly #clock: Clock;
  readonly #state: BackupState;
  /** Until when nothing of the log can be missing in what was shipped, ms. */
  readonly #wholeAt: number;
  readonly #decisionsTopic: string;
  readonly #entries = new EntryWriter();
  readonly #decisions = new EntryWriter();
  readonly #written: ObjectRef[] = [];
  readonly #ends = new Map<number, Place>();

  constructor(source: LogSource, { objects, clock, decisionsTopic, state, wholeAt }: LogShippingOptions) {
    this.#decisionsTopic = decisionsTopic;
    this.#source = source;
    this.#objects = objects;
    this.#clock = clock;
    this.#state = state;
    this.#wholeAt = wholeAt;
  }

  async ship(signal: AbortSignal): Promise<LogPart> {
    while ((await this.#pass(signal)) > LAST_PASS_BYTES);
    const at = Math.max(this.#clock.now(), this.#state.at);
    const { partitions, tables } = this.#source.atOnce(() => {
      const partitions = this.#source.partitions();
      for (const partition of partitions) this.#shipRest(partition);
      return { partitions, tables: this.#tables() };
    });
    await this.#flush();
    const ids = new Set(partitions.map(({ id }) => id));
    const removed = [...this.#state.partitions.keys()].filter((id) => !ids.has(id));
    const changed = partitions.flatMap((partition) => this.#changed(partition));
    const decided =
      this.#decisions.byteLength > 0 && (await this.#objects.write('log', this.#decisions.take()));
    const decisions = decided ? [decided] : [];
    return { at, log: { objects: this.#written, decisions, partitions: changed, removed, tables } };
  }

  /** Ships what is there when it comes to it, in bounded reads; returns how many bytes that was. */
  async #pass(signal: AbortSignal): Promise<number> {
    let bytes = 0;
    for (const partition of this.#source.partitions()) {
      const place = this.#place(partition);
      while (place.end < partition.end) {
        signal.throwIfAborted();
        const { id } = partition;
        const rows = this.#source.atOnce(() =>
          this.#source.has(id) ? this.#source.rows(partition, place.end, STEP_ROWS) : [],
        );
        if (rows.length === 0) break;
        bytes += this.#add(partition, place, rows);
        if (this.#entries.byteLength >= OBJECT_BYTES) await this.#flush();
      }
    }
    return bytes;
  }

  #shipRest(partition: SourcePartition): void {
    const place = this.#place(partition);
    for (;;) {
      const rows = this.#source.rows(partition, place.end, STEP_ROWS);
      if (rows.length === 0) return;
      this.#add(partition, place, rows);
    }
  }

  /**
   * Where to go on. A partition goes back to its start where compaction may have removed a tombstone that was never
   * shipped: restored without it, the deleted row would come back.
   */
  #place(partition: SourcePartition): Place {
    const { id, start, compactedTo, tombstoneRetentionMs } = partition;
    let place = this.#ends.get(id);
    if (place === undefined) {
      const end = this.#state.partitions.get(id)?.end;
      place = end === undefined ? { end: start, whole: this.#clock.now() } : { end, whole: this.#wholeAt };
      this.#ends.set(id, place);
    }
    const sinceMs = this.#clock.now() - place.whole;
    const isLate =
      tombstoneRetentionMs !== undefined && !(sinceMs >= 0 && sinceMs < tombstoneRetentionMs / 2);
    if (isLate && compactedTo > place.end) {
      this.#entries.restart(id);
      delete place.last;
      place.end = start;
      place.whole = this.#clock.now();
    }
    place.end = Math.max(place.end, start);
    return place;
  }

  #add(partition: SourcePartition, place: Place, rows: readonly StoredRow[]): number {
    const before = this.#entries.byteLength;
    for (const row of rows) {
      const entry = { partitionId: partition.id, ...row };
      this.#entries.add(entry);
      if (this.#mustLast(partition, row)) this.#decisions.add(entry);
    }
    place.last = rows.at(-1) as StoredRow;
    place.end = place.last.nextOffset;
    return this.#entries.byteLength - before;
  }

  /** Whether every later generation needs the batch as well: decisions of users, and the tombstones of the vault. */
  #mustLast(partition: SourcePartition, row: StoredRow): boolean {
    if (partition.topic !== topics.vault.name) return partition.topic === this.#decisionsTopic;
    const batch = decoded(partition, row.baseOffset, row.batch);
    return Array.from({ length: batch.count }, (_, i) => batch.record(i)).some(({ value }) => value === null);
  }

  async #flush(): Promise<void> {
    if (this.#entries.byteLength === 0) return;
    this.#written.push(await this.#objects.write('log', this.#entries.take()));
  }

  #tables(): Partial<Record<StateTable, TableChanges>> {
    const changes = (Object.keys(STATE_TABLES) as StateTable[]).map(
      (name) => [name, this.#state.changesTo(name, this.#source.table(name))] as const,
    );
    return Object.fromEntries(changes.filter(([, change]) => change !== undefined));
  }

  #changed(partition: SourcePartition): readonly PartitionState[] {
    const { id, topic, start, end, newest } = partition;
    const before = this.#state.partitions.get(id);
    const shipped = this.#ends.get(id)?.last;
    if (shipped === undefined && before?.start === start && before.end === end) return [];
    const last = shipped === undefined ? before?.last : lastOf(this.#source, partition, shipped);
    return [{ id, topic, partition: partition.partition, start, end, newest, ...(last && { last }) }];
  }
}

function lastOf(source: LogSource, at: SourcePartition, row: StoredRow): PartitionState['last'] {
  const batch = source.decode(at, row);
  return batch.count === 0 ? undefined : { offset: batch.offset(batch.count - 1), sha256: hashed(batch) };
}

type Decoded = ReturnType<LogSource['decode']>;

/** Offset of a batch's last record, or of the one at `index`. */
function hashed(batch: Decoded, index = batch.count - 1): string {
  const { key, value, timestamp } = batch.record(index);
  const hash = createHash('sha256').update(
    `${batch.offset(index)} ${timestamp} ${key?.length} ${value?.length} `,
  );
  return hash
    .update(key ?? '')
    .update(value ?? '')
    .digest('hex');
}

/**
 * Why the log cannot be the one that was shipped so far; undefined where it can. A log that was put back to an earlier
 * state, and has gone on from there, would else be appended to the history that it no longer has.
 */
export function otherHistory(source: LogSource, state: BackupState): string | undefined {
  return source.atOnce(() => {
    for (const partition of source.partitions()) {
      const before = state.partitions.get(partition.id);
      if (before === undefined) continue;
      const where = `${partition.topic}/${partition.partition}`;
      if (before.topic !== partition.topic || before.partition !== partition.partition)
        return `${where} was ${before.topic}/${before.partition}`;
      if (partition.end < before.end)
        return `${where} ends at ${partition.end}, but is shipped to ${before.end}`;
      if (before.last === undefined) continue;
      const { offset, sha256 } = before.last;
      const [row] = offset < partition.start ? [] : source.rows(partition, offset, 1);
      const batch = row && source.decode(partition, row);
      // Compaction may have removed the record: another one comes first then.
      if (batch !== undefined && batch.offset(0) === offset && hashed(batch, 0) !== sha256)
        return `${where} has another record at offset ${offset}`;
    }
    return undefined;
  });
}
