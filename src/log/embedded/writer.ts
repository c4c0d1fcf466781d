import type { DatabaseSync } from 'node:sqlite';
import { FatalError } from '#platform';
import {
  fenced,
  invalidTopic,
  keyRequired,
  staleGeneration,
  topicMismatch,
  unknownTopic,
} from '../errors.ts';
import {
  coordinate,
  emptyGroup,
  type GroupReply,
  type GroupRequest,
  type GroupState,
  mayCommit,
} from '../group-coordination.ts';
import { checkOffsetCommit } from '../offset-commit.ts';
import type { Appended, Cleanup, TopicSpec } from '../port.ts';
import { CleaningWrites } from './cleaning-writes.ts';
import { createRecordsTable, storedJson } from './database.ts';
import type { Append, Offsets, WriteRequest } from './messages.ts';
import { type Query, Statements } from './statements.ts';

/** A partition as cached while no other process has written. */
type Partition = {
  readonly id: number;
  readonly compacted: boolean;
  end: number;
  newest: number;
  dirty: boolean;
};

/**
 * Carries out requests inside a write transaction that its caller has begun and will commit. Each request checks
 * everything before it writes anything, so that a refused one leaves no trace among the others of its group.
 */
export class Writer {
  readonly #statements: Statements;
  readonly #cleaning: CleaningWrites;
  readonly #partitions = new Map<string, Map<number, Partition>>();
  readonly #dirty: Partition[] = [];
  #dataVersion = -1;
  readonly #queries;

  constructor(database: DatabaseSync) {
    this.#statements = new Statements(database);
    this.#cleaning = new CleaningWrites(this.#statements);
    this.#queries = queries(this.#statements);
  }

  /** To be called after the lock was taken: forgets what another process may have changed. */
  begin(): void {
    const version = Number(this.#queries.dataVersion.get()?.[0]);
    if (version !== this.#dataVersion) this.#partitions.clear();
    this.#dataVersion = version;
  }

  /** To be called before the commit. */
  finish(): void {
    for (const partition of this.#dirty) {
      this.#queries.setEnd.run(partition.end, partition.newest, partition.id);
      partition.dirty = false;
    }
    this.#dirty.length = 0;
  }

  /** To be called after a rollback. */
  forget(): void {
    this.#partitions.clear();
    this.#dirty.length = 0;
  }

  execute(request: WriteRequest): unknown {
    switch (request.kind) {
      case 'append':
        return this.#append(request.append, this.#appendable(request.append));
      case 'transaction':
        return this.#transaction(request);
      case 'begin-producer':
        return this.#queries.beginProducer.get(request.transactionalId)?.[0];
      case 'commit-offsets':
        this.#checkOffsets(request.offsets);
        return this.#commitOffsets(request.offsets);
      case 'create-topics':
        return this.#createTopics(request.specs);
      case 'delete-topics':
        return this.#deleteTopics(request.names);
      case 'group':
        return this.#group(request.request);
      case 'register-schema':
        return this.#registerSchema(request);
      case 'lease-cleaner':
        return this.#cleaning.lease(request);
      case 'purge':
        return this.#cleaning.purge();
      case 'trim':
        this.finish();
        return this.#cleaning.trim(request);
      case 'rewrite':
        return this.#cleaning.rewrite(request);
    }
  }

  #partition(topic: string, partition: number): Partition {
    let known = this.#partitions.get(topic)?.get(partition);
    if (known !== undefined) return known;
    const row = this.#queries.partition.get(topic, partition);
    if (row === undefined) {
      throw this.#queries.topic.get(topic) === undefined
        ? unknownTopic(topic)
        : unknownTopic(topic, partition);
    }
    const [id, end, newest, cleanup] = row as [number, number, number | null, string];
    const compacted = storedJson<Cleanup>(cleanup, `the cleanup of topic ${topic}`).policy === 'compact';
    known = { id, end, newest: newest ?? Number.NEGATIVE_INFINITY, compacted, dirty: false };
    const siblings = this.#partitions.get(topic);
    if (siblings === undefined) this.#partitions.set(topic, new Map([[partition, known]]));
    else siblings.set(partition, known);
    return known;
  }

  #appendable(append: Append): Partition {
    const partition = this.#partition(append.topic, append.partition);
    let end = partition.end;
    for (const batch of append.batches) {
      if (batch.hasNullKey && partition.compacted) throw keyRequired(append);
      end += batch.span;
    }
    if (end > Number.MAX_SAFE_INTEGER) {
      throw new FatalError(
        'MR_LOG_OFFSET_OVERFLOW',
        `${append.topic}/${append.partition} has no offsets left`,
        {
          hint: 'offsets end at 2^53: write to a new topic',
        },
      );
    }
    return partition;
  }

  #append(append: Append, partition: Partition): Appended {
    const baseOffset = partition.end;
    const insert = this.#statements.ofPartition('insert', partition.id);
    for (const { bytes, span, maxTimestamp } of append.batches) {
      insert.run(partition.end, partition.end + span, maxTimestamp, bytes);
      partition.end += span;
      if (maxTimestamp > partition.newest) partition.newest = maxTimestamp;
    }
    if (!partition.dirty && append.batches.length > 0) {
      partition.dirty = true;
      this.#dirty.push(partition);
    }
    return { topic: append.topic, partition: append.partition, baseOffset, nextOffset: partition.end };
  }

  #transaction(request: WriteRequest & { kind: 'transaction' }): readonly Appended[] {
    const { transactionalId, epoch, appends, offsets } = request;
    if (this.#queries.epoch.get(transactionalId)?.[0] !== epoch) throw fenced(transactionalId);
    for (const group of offsets) this.#checkOffsets(group);
    const partitions = appends.map((append) => this.#appendable(append));
    for (const group of offsets) this.#commitOffsets(group);
    return appends.map((append, i) => this.#append(append, partitions[i] as Partition));
  }

  #checkOffsets({ group, offsets }: Offsets): void {
    if (!mayCommit(this.#groupState(group.group), group.memberId, group.generation)) {
      throw staleGeneration(group.group, group.memberId, group.generation);
    }
    for (const commit of offsets) {
      this.#partition(commit.topic, commit.partition);
      checkOffsetCommit(commit);
    }
  }

  #commitOffsets({ group, offsets }: Offsets): void {
    for (const { topic, partition, offset, metadata } of offsets) {
      this.#queries.setOffset.run(group.group, topic, partition, offset, metadata ?? null);
    }
  }

  #createTopics(specs: readonly TopicSpec[]): void {
    const missing = specs.filter((spec) => {
      const { name, partitions, cleanup } = spec;
      if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name)) throw invalidTopic(name, 'the name is not allowed');
      if (!(Number.isInteger(partitions) && partitions > 0))
        throw invalidTopic(name, `${partitions} partitions`);
      const row = this.#queries.topic.get(name) as [number, number, string] | undefined;
      const has = row && `${row[1]} partitions, ${row[2]}`;
      const wanted = `${partitions} partitions, ${cleanupText(cleanup)}`;
      if (has !== undefined && has !== wanted) throw topicMismatch(name, has, wanted);
      return has === undefined;
    });
    for (const { name, partitions, cleanup } of missing) {
      // The same new topic may be named twice in one call.
      const topic = this.#queries.addTopic.get(name, partitions, cleanupText(cleanup))?.[0];
      if (topic === undefined) continue;
      for (let partition = 0; partition < partitions; partition++) {
        const id = Number(this.#queries.addPartition.get(topic, partition)?.[0]);
        this.#statements.exec(createRecordsTable(id));
      }
    }
  }

  /** The names go at once; the records go later, in steps that hold the lock for a short time (purge). */
  #deleteTopics(names: readonly string[]): void {
    const topics = names.map((name) => {
      const row = this.#queries.topic.get(name);
      if (row === undefined) throw unknownTopic(name);
      return { name, id: row[0] as number };
    });
    this.finish();
    for (const { name, id } of topics) {
      this.#queries.dropPartitions.run(id);
      this.#queries.deletePartitions.run(id);
      this.#queries.deleteTopic.run(id);
      this.#queries.deleteOffsets.run(name);
      this.#partitions.delete(name);
    }
  }

  #groupState(group: string): GroupState {
    const row = this.#queries.group.get(group);
    return row === undefined
      ? emptyGroup()
      : storedJson<GroupState>(row[0] as string, `the state of group ${group}`);
  }

  #group(request: GroupRequest): GroupReply {
    const state = this.#groupState(request.group);
    const reply = coordinate(state, request);
    this.#queries.setGroup.run(request.group, state.revision, JSON.stringify(state));
    return reply;
  }

  #registerSchema(request: WriteRequest & { kind: 'register-schema' }): number | undefined {
    const { subject, canonical, schema, newest } = request;
    const id = this.#queries.schemaId.get(canonical)?.[0];
    if (id !== undefined && this.#queries.hasVersion.get(subject, id) !== undefined) return id as number;
    const [version = 0, current] = (this.#queries.newestVersion.get(subject) ?? []) as [number?, number?];
    if (current !== newest) return undefined;
    const schemaId = (id ?? this.#queries.addSchema.get(canonical, schema)?.[0]) as number;
    this.#queries.addVersion.run(subject, version + 1, schemaId);
    return schemaId;
  }
}

/** The same text for the same clean-up, whatever the order of its properties. */
function cleanupText(cleanup: Cleanup): string {
  return cleanup.policy === 'delete'
    ? JSON.stringify({ policy: 'delete', retentionMs: cleanup.retentionMs })
    : JSON.stringify({ policy: 'compact', tombstoneRetentionMs: cleanup.tombstoneRetentionMs });
}

const queries = (statements: Statements) => {
  const query = (sql: string): Query => statements.query(sql);
  return {
    dataVersion: query('PRAGMA data_version'),
    topic: query('SELECT id, partitions, cleanup FROM topics WHERE name = ?'),
    addTopic: query(
      'INSERT INTO topics (name, partitions, cleanup) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id',
    ),
    deleteTopic: query('DELETE FROM topics WHERE id = ?'),
    partition: query(
      `SELECT p.id, p.end_offset, p.newest, t.cleanup FROM topics t JOIN partitions p ON p.topic = t.id
       WHERE t.name = ? AND p.partition = ?`,
    ),
    // Ids are never used again, so that a reader of a dropped partition cannot meet another's records.
    addPartition: query(
      `INSERT INTO partitions (id, topic, partition) SELECT 1 + max(
         (SELECT coalesce(max(id), 0) FROM partitions), (SELECT coalesce(max(id), 0) FROM dropped_partitions)), ?, ?
       RETURNING id`,
    ),
    dropPartitions: query('INSERT INTO dropped_partitions (id) SELECT id FROM partitions WHERE topic = ?'),
    deletePartitions: query('DELETE FROM partitions WHERE topic = ?'),
    setEnd: query('UPDATE partitions SET end_offset = ?, newest = ? WHERE id = ?'),
    epoch: query('SELECT epoch FROM producers WHERE transactional_id = ?'),
    beginProducer: query(
      `INSERT INTO producers VALUES (?, 0) ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch`,
    ),
    setOffset: query('INSERT OR REPLACE INTO group_offsets VALUES (?, ?, ?, ?, ?)'),
    deleteOffsets: query('DELETE FROM group_offsets WHERE topic = ?'),
    group: query('SELECT state FROM consumer_groups WHERE name = ?'),
    setGroup: query('INSERT OR REPLACE INTO consumer_groups VALUES (?, ?, ?)'),
    schemaId: query('SELECT id FROM schemas WHERE canonical = ?'),
    addSchema: query('INSERT INTO schemas (canonical, schema) VALUES (?, ?) RETURNING id'),
    hasVersion: query('SELECT 1 FROM subjects WHERE subject = ? AND schema = ?'),
    newestVersion: query(
      'SELECT version, schema FROM subjects WHERE subject = ? ORDER BY version DESC LIMIT 1',
    ),
    addVersion: query('INSERT INTO subjects VALUES (?, ?, ?)'),
  };
};
