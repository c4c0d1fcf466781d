import { createHash, type Hash } from 'node:crypto';
import {
  cut,
  decoded,
  LogSource,
  type ProducerRecord,
  RestoredLog,
  STATE_TABLES,
  type StateTable,
  type StoredRow,
} from '#log';
import { FatalError, integrityProblem } from '#platform';
import { VAULT_LOOKUP_RECORD } from '#privacy';
import { topics } from '#schemas';
import { entriesOf, isRestart, type LogEntry } from '../log-entries.ts';
import type { Manifest, PartitionState } from '../manifest.ts';
import type { Objects } from '../objects.ts';
import type { BackupState } from '../state.ts';

/** How often a turn goes to others while a restored log is read, batches. */
const STEP_ROWS = 64;

/** A decision of a user that is to be appended: where it was, and the record. */
export type LaterDecision = {
  readonly topic: string;
  readonly partition: number;
  readonly record: ProducerRecord;
};

/** Writes the log as `state` has it, batch by batch, into a directory that has none. */
export class LogRestoring {
  readonly #directory: string;
  readonly #state: BackupState;
  readonly #decisionsTopic: string;
  readonly #log: RestoredLog;
  readonly #written = new Map<number, { next: number; hash: Hash }>();
  /** Handles of users with a key, as the vault on the log has them. */
  readonly #users = new Set<string>();
  /** The decisions that are restored, by what they say. */
  readonly #decided = new Set<string>();

  constructor(directory: string, state: BackupState, decisionsTopic: string) {
    this.#directory = directory;
    this.#state = state;
    this.#decisionsTopic = decisionsTopic;
    this.#log = new RestoredLog(directory);
    const topics = [...state.table('topics').values()].map(
      ([id, name]) => [String(name), Number(id)] as const,
    );
    this.#log.addPartitions([...state.partitions.values()], new Map(topics));
  }

  /** Errors: MR_BACKUP_DAMAGED; those of writing a log. */
  async add({ log }: Manifest, objects: Objects): Promise<void> {
    for (const ref of log.objects) {
      for (const entry of entriesOf(await objects.read(ref))) this.#add(entry);
      this.#log.flush();
    }
  }

  #add(entry: LogEntry): void {
    const partition = this.#state.partitions.get(entry.partitionId);
    // Deleted since.
    if (partition === undefined) return;
    if (isRestart(entry)) {
      this.#log.empty(partition.id);
      this.#written.delete(partition.id);
      return;
    }
    if (entry.nextOffset <= partition.start) return;
    const rows = entry.baseOffset < partition.start ? cut(partition, entry, partition.start) : [entry];
    for (const row of rows) this.#insert(partition, row);
  }

  #insert(partition: PartitionState, row: StoredRow): void {
    let written = this.#written.get(partition.id);
    if (written === undefined) {
      written = { next: partition.start, hash: createHash('sha256') };
      this.#written.set(partition.id, written);
    }
    const isNext =
      row.baseOffset === written.next || (row.baseOffset > written.next && this.#mayHaveGaps(partition));
    if (!isNext || row.nextOffset > partition.end)
      throw unequal(`${nameOf(partition)} has a batch at ${row.baseOffset} where ${written.next} comes next`);
    this.#log.insert(partition.id, row);
    hashRow(written.hash, row);
    written.next = row.nextOffset;
    const isVault = partition.topic === topics.vault.name;
    if (!isVault && partition.topic !== this.#decisionsTopic) return;
    for (const record of recordsOf(partition, row)) {
      if (!isVault || record.value === null) this.#decided.add(textOf(record));
      if (isVault) this.#noteUser(record);
    }
  }

  #mayHaveGaps({ topic }: PartitionState): boolean {
    const row = [...this.#state.table('topics').values()].find(([, name]) => name === topic);
    return row === undefined || (JSON.parse(String(row[3])) as { policy: string }).policy === 'compact';
  }

  /** Returns whether the user had a key that it takes away. */
  #noteUser({ key, value }: ProducerRecord): boolean {
    const handle = key?.toString() ?? '';
    if (value === null) return this.#users.delete(handle);
    if (handle !== VAULT_LOOKUP_RECORD) this.#users.add(handle);
    return false;
  }

  /** Closes the log, with those decisions and erasures appended that it does not have yet; returns how many those are. */
  finish(decisions: readonly LaterDecision[]) {
    for (const partition of this.#state.partitions.values()) {
      const next = this.#written.get(partition.id)?.next ?? partition.start;
      if (next < partition.end && !this.#mayHaveGaps(partition))
        throw unequal(`${nameOf(partition)} ends at ${next} instead of ${partition.end}`);
    }
    for (const table of tables()) this.#log.fill(table, [...this.#state.table(table).values()]);
    let appended = 0;
    let forgotten = 0;
    for (const partition of this.#state.partitions.values()) {
      const records = decisions
        .filter(({ topic, partition: number }) => topic === partition.topic && number === partition.partition)
        .map(({ record }) => record)
        .filter((record) => this.#isUndecided(record));
      if (records.length > 0) this.#log.append(partition.id, partition.end, records);
      if (partition.topic === topics.vault.name)
        forgotten += records.filter((record) => this.#noteUser(record)).length;
      else appended += records.length;
    }
    this.#log.close();
    return { decisions: appended, forgotten, users: this.#users.size };
  }

  /** Each later base has all decisions once more. */
  #isUndecided(record: ProducerRecord): boolean {
    const text = textOf(record);
    const isNew = !this.#decided.has(text);
    this.#decided.add(text);
    return isNew;
  }

  abandon(): void {
    this.#log.abandon();
  }

  /**
   * Reads what lies on disk now and compares it with what the backup says: every batch, with its own checksum, every table,
   * and the pages of the file. Returns the records. FatalError MR_RESTORE_UNEQUAL, MR_LOG_CORRUPT.
   */
  async verify(signal: AbortSignal): Promise<number> {
    const problem = integrityProblem(`${this.#directory}/log.sqlite`);
    if (problem !== undefined) throw unequal(`log.sqlite: ${problem}`);
    const source = new LogSource(this.#directory);
    try {
      let records = 0;
      for (const partition of this.#state.partitions.values()) {
        const hash = createHash('sha256');
        for (let from = partition.start; from < partition.end; ) {
          signal.throwIfAborted();
          const rows = source
            .rows(partition, from, STEP_ROWS)
            .filter(({ baseOffset }) => baseOffset < partition.end);
          for (const row of rows) {
            records += source.decode(partition, row).count;
            hashRow(hash, row);
          }
          const last = rows.at(-1);
          if (last === undefined) break;
          from = last.nextOffset;
          await new Promise(setImmediate);
        }
        const written = this.#written.get(partition.id)?.hash ?? createHash('sha256');
        if (hash.digest('hex') !== written.digest('hex')) throw unequal(nameOf(partition));
      }
      for (const table of tables())
        if (this.#state.changesTo(table, source.table(table)) !== undefined) throw unequal(`table ${table}`);
      return records;
    } finally {
      source.close();
    }
  }
}

const tables = () => Object.keys(STATE_TABLES) as StateTable[];

const nameOf = ({ topic, partition }: PartitionState) => `${topic}/${partition}`;

export function recordsOf(at: Pick<PartitionState, 'topic' | 'partition'>, row: StoredRow): ProducerRecord[] {
  const batch = decoded(at, row.baseOffset, row.batch);
  return Array.from({ length: batch.count }, (_, i) => batch.record(i));
}

function textOf({ key, value, timestamp }: ProducerRecord): string {
  return `${timestamp} ${key?.toString('latin1')} ${value?.toString('latin1')}`;
}

function hashRow(hash: Hash, { baseOffset, nextOffset, newest, batch }: StoredRow): void {
  hash.update(`${baseOffset} ${nextOffset} ${newest} ${batch.length} `).update(batch);
}

function unequal(what: string): FatalError {
  return new FatalError('MR_RESTORE_UNEQUAL', `What was restored is not what the backup says: ${what}.`, {
    hint: 'Restore once more; if it persists, check the disk, and report it.',
  });
}
