import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { unknownTopic } from '../errors.ts';
import type { GroupState } from '../group-coordination.ts';
import type { Cleanup, OffsetCommit, TopicDescription, TopicPartition } from '../port.ts';
import { StoredBatch } from '../stored-batch.ts';
import { storedJson } from './database.ts';
import { unpack } from './packed-batch.ts';
import { type Query, Statements } from './statements.ts';

/** A batch's columns, without the batch. */
export type Survey = {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly newest: number;
  readonly tombstonesUntil: number | null;
};

/** A batch as it is stored, with the columns that it is found by. */
export type StoredRow = Pick<Survey, 'baseOffset' | 'nextOffset' | 'newest'> & { readonly batch: Uint8Array };

export type PartitionRow = { readonly id: number; readonly start: number; readonly end: number };

/** A partition as the cleaner sees it. */
export type CleaningRow = PartitionRow &
  TopicPartition & {
    readonly newest: number | null;
    readonly compactedTo: number;
    readonly compactedRecords: number;
    readonly tombstonesDue: number | null;
    readonly cleanup: Cleanup;
    /** The least offset that a group has committed; null where none has. */
    readonly unreadFrom: number | null;
  };

/** Rows looked at in one step where the number of rows to look at is not bounded otherwise. */
const SURVEY_ROWS = 4096;

/**
 * This thread's reads. Each is one bounded query that is run to its end: a cursor left open would keep the WAL from
 * being checkpointed, and it would grow without limit.
 */
export class Reader {
  readonly #statements: Statements;
  readonly #partition: Query;
  readonly #offsets: Query;
  readonly #topics: Query;
  readonly #topic: Query;
  readonly #committed: Query;
  readonly #group: Query;
  readonly #groups: Query;
  readonly #schema: Query;
  readonly #versions: Query;
  readonly #cleaning: Query;

  constructor(database: DatabaseSync) {
    const statements = new Statements(database);
    this.#statements = statements;
    this.#partition = statements.query(
      `SELECT p.id, p.start_offset, p.end_offset FROM topics t JOIN partitions p ON p.topic = t.id
       WHERE t.name = ? AND p.partition = ?`,
    );
    this.#offsets = statements.query('SELECT start_offset, end_offset FROM partitions WHERE id = ?');
    const described = `SELECT t.name, t.cleanup, p.start_offset, p.end_offset
      FROM topics t JOIN partitions p ON p.topic = t.id`;
    this.#topics = statements.query(`${described} ORDER BY t.name, p.partition`);
    this.#topic = statements.query(`${described} WHERE t.name = ? ORDER BY p.partition`);
    this.#committed = statements.query(
      'SELECT offset, metadata FROM group_offsets WHERE consumer_group = ? AND topic = ? AND partition = ?',
    );
    this.#groups = statements.query('SELECT DISTINCT consumer_group FROM group_offsets');
    this.#group = statements.query('SELECT revision, state FROM consumer_groups WHERE name = ?');
    this.#schema = statements.query('SELECT schema FROM schemas WHERE id = ?');
    this.#versions = statements.query('SELECT schema FROM subjects WHERE subject = ? ORDER BY version');
    this.#cleaning = statements.query(
      `SELECT t.name, p.partition, p.id, p.start_offset, p.end_offset, p.newest, p.compacted_to, p.compacted_records,
         p.tombstones_due, t.cleanup,
         (SELECT min(g.offset) FROM group_offsets g WHERE g.topic = t.name AND g.partition = p.partition)
       FROM topics t JOIN partitions p ON p.topic = t.id ORDER BY t.id, p.partition`,
    );
  }

  /** InputError MR_LOG_UNKNOWN_TOPIC. */
  partition({ topic, partition }: TopicPartition): PartitionRow {
    const row = this.#partition.get(topic, partition);
    if (row === undefined) throw this.#missing(topic, partition);
    const [id, start, end] = row as number[];
    return { id: id as number, start: start as number, end: end as number };
  }

  #missing(topic: string, partition: number): Error {
    return this.#topic.get(topic) === undefined ? unknownTopic(topic) : unknownTopic(topic, partition);
  }

  /** First and next offset; undefined when the topic was deleted. */
  offsets(partitionId: number): readonly [start: number, end: number] | undefined {
    return this.#offsets.get(partitionId) as [number, number] | undefined;
  }

  /** Base offset and bytes of the batch that holds `offset` (or follows it) and of those after it. */
  fetch(partitionId: number, offset: number, limit: number): readonly (readonly [number, Uint8Array])[] {
    return this.#statements.ofPartition('fetch', partitionId).all(offset, limit) as unknown as [
      number,
      Uint8Array,
    ][];
  }

  /** Whole rows whose base offset is greater than `after`. */
  stored(partitionId: number, after: number, limit: number): readonly StoredRow[] {
    const rows = this.#statements.ofPartition('stored', partitionId).all(after, limit);
    return (rows as unknown as [number, number, number, Uint8Array][]).map(
      ([baseOffset, nextOffset, newest, batch]) => ({ baseOffset, nextOffset, newest, batch }),
    );
  }

  /** What fetch has returned, unpacked. FatalError MR_LOG_CORRUPT. */
  batch({ topic, partition }: TopicPartition, base: number, stored: Uint8Array): StoredBatch {
    return new StoredBatch(
      topic,
      partition,
      base,
      unpack(stored, () => `${topic}/${partition} offset ${base}`),
    );
  }

  survey(partitionId: number, from: number, limit = SURVEY_ROWS): readonly Survey[] {
    return this.#statements
      .ofPartition('survey', partitionId)
      .all(from, limit)
      .map(([baseOffset, nextOffset, newest, tombstonesUntil]) => ({
        baseOffset: baseOffset as number,
        nextOffset: nextOffset as number,
        newest: newest as number,
        tombstonesUntil: tombstonesUntil as number | null,
      }));
  }

  describe(names: readonly string[] | undefined): readonly TopicDescription[] {
    if (names !== undefined) {
      return names.map((name) => {
        const [description] = describe(this.#topic.all(name));
        if (description === undefined) throw unknownTopic(name);
        return description;
      });
    }
    return describe(this.#topics.all());
  }

  /** See Log.offsetForTimestamp. */
  offsetForTimestamp(at: TopicPartition, timestamp: number): number {
    const { id, start, end } = this.partition(at);
    for (let from = start; ; ) {
      const rows = this.survey(id, from);
      for (const { baseOffset, newest } of rows) {
        if (newest < timestamp) continue;
        const [row] = this.fetch(id, baseOffset, 1);
        if (row === undefined) continue;
        const batch = this.batch(at, row[0], row[1]);
        for (let i = 0; i < batch.count; i++) if (batch.timestamp(i) >= timestamp) return batch.offset(i);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < SURVEY_ROWS) return end;
      from = last.nextOffset;
    }
  }

  committed(group: string, { topic, partition }: TopicPartition): OffsetCommit | undefined {
    const row = this.#committed.get(group, topic, partition);
    if (row === undefined) return undefined;
    const [offset, metadata] = row as [number, string | null];
    return metadata === null ? { topic, partition, offset } : { topic, partition, offset, metadata };
  }

  groups(): readonly string[] {
    return this.#groups.all().map(([name]) => String(name));
  }

  group(name: string): { readonly revision: number; readonly state: () => GroupState } | undefined {
    const row = this.#group.get(name);
    return (
      row && {
        revision: row[0] as number,
        state: () => storedJson<GroupState>(row[1] as string, `the state of group ${name}`),
      }
    );
  }

  schema(id: number): string | undefined {
    return this.#schema.get(id)?.[0] as string | undefined;
  }

  versions(subject: string): readonly number[] {
    return this.#versions.all(subject).map(([id]) => id as number);
  }

  partitions(): readonly CleaningRow[] {
    return this.#cleaning.all().map((row) => {
      const [
        topic,
        partition,
        id,
        start,
        end,
        newest,
        compactedTo,
        compactedRecords,
        tombstonesDue,
        cleanup,
        unreadFrom,
      ] = row;
      return {
        topic: topic as string,
        partition: partition as number,
        id: id as number,
        start: start as number,
        end: end as number,
        newest: newest as number | null,
        compactedTo: compactedTo as number,
        compactedRecords: compactedRecords as number,
        tombstonesDue: tombstonesDue as number | null,
        cleanup: storedJson<Cleanup>(cleanup as string, `the cleanup of topic ${String(topic)}`),
        unreadFrom: unreadFrom as number | null,
      };
    });
  }
}

/** Rows of one partition each, ordered by topic and partition. */
function describe(rows: readonly SQLOutputValue[][]): TopicDescription[] {
  const topics: (Omit<TopicDescription, 'offsets' | 'partitions'> & {
    offsets: TopicDescription['offsets'][number][];
  })[] = [];
  for (const [name, cleanup, start, end] of rows as [string, string, number, number][]) {
    let topic = topics.at(-1);
    if (topic?.name !== name) {
      topic = { name, cleanup: storedJson<Cleanup>(cleanup, `the cleanup of topic ${name}`), offsets: [] };
      topics.push(topic);
    }
    topic.offsets.push({ start, stable: end, end });
  }
  return topics.map((topic) => ({ ...topic, partitions: topic.offsets.length }));
}
