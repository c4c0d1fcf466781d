import type { GroupMetadata, Log, OffsetCommit, ProducerRecord, TransactionalProducer } from '#log';
import { errorCode, RetryableError } from '#platform';
import type { Topology } from '../topology.ts';
import { encodeManifest, type Manifest, manifestTopic } from './manifest.ts';
import type { Plan } from './plan.ts';

const POLL_MS = 1_000;
/** A transaction is held in memory until it commits. */
const CHUNK_RECORDS = 10_000;

/**
 * Carries out a plan. Every step may be done twice, and the manifest is written last: a migration that was cut short is
 * begun anew by the next start. Each transaction commits offsets as nobody, which the log refuses while the group has
 * members: nothing is changed under a running instance.
 */
export class Migration {
  readonly #log: Log;
  readonly #topology: Topology;
  readonly #group: string;
  readonly #producer: TransactionalProducer;

  private constructor(log: Log, topology: Topology, group: string, producer: TransactionalProducer) {
    this.#log = log;
    this.#topology = topology;
    this.#group = group;
    this.#producer = producer;
  }

  /** Errors: MR_TOPOLOGY_MIGRATION_BUSY while an instance runs, or another one migrates. */
  static async run(log: Log, topology: Topology, plan: Plan, is: Manifest): Promise<void> {
    const group = `${topology.name}-${topology.generation}`;
    const producer = await log.transactionalProducer(`${group}-migration`);
    try {
      await new Migration(log, topology, group, producer).#run(plan, is);
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'MR_LOG_GENERATION' && code !== 'MR_LOG_FENCED') throw error;
      throw busy(group, error);
    } finally {
      await producer.close();
    }
  }

  async #run(plan: Plan, is: Manifest): Promise<void> {
    const resets = await this.#resets(plan);
    // Before anything is deleted.
    await this.#commit([]);
    const heirs = new Set(plan.copies.map(({ to }) => to.changelog));
    await this.#delete(
      [...plan.deleted].filter((topic) => !plan.copies.some(({ from }) => from.changelog === topic)),
    );
    await this.#log.createTopics([...this.#topology.internalTopics, manifestTopic(this.#topology)]);
    for (const { from, to } of plan.copies) {
      if (!to.logged || from.changelog === to.changelog) continue;
      for (let partition = 0; partition < to.partitions; partition++) {
        await this.#transfer(to.changelog, to.changelog, partition, bury);
        await this.#transfer(from.changelog, to.changelog, partition, (record) => record);
      }
    }
    for (const { changelog, partitions } of plan.emptied) {
      if (heirs.has(changelog)) continue;
      for (let partition = 0; partition < partitions; partition++) {
        await this.#transfer(changelog, changelog, partition, bury);
      }
    }
    if (plan.breaksJournal) await this.#delete([`${this.#group}-journal`]);
    this.#producer.append(manifestTopic(this.#topology).name, 0, [{ ...encodeManifest(is), timestamp: 0 }]);
    await this.#commit(resets);
    await this.#delete(
      plan.copies.flatMap(({ from }) => (plan.deleted.has(from.changelog) ? [from.changelog] : [])),
    );
  }

  /** Commits offsets as nobody; together with no others, one that is there already. */
  async #commit(offsets: readonly OffsetCommit[]): Promise<void> {
    const nobody: GroupMetadata = { group: this.#group, memberId: '', generation: -1 };
    const sources = this.#topology.subTopologies.flatMap((each) =>
      each.sources.map(({ topic }) => topic.name),
    );
    const [first = ''] = sources;
    const [standing] =
      offsets.length > 0
        ? []
        : await this.#log.committedOffsets(this.#group, [{ topic: first, partition: 0 }]);
    const commits = offsets.length > 0 ? offsets : standing === undefined ? [] : [standing];
    this.#producer.sendOffsets(nobody, commits);
    await this.#producer.commit();
  }

  /** Where the inputs of what is rebuilt begin, and those that are made anew. */
  async #resets({ rebuilt, restarted }: Plan): Promise<OffsetCommit[]> {
    const anew = new Set(restarted.map(({ topic }) => topic));
    const resets: OffsetCommit[] = [];
    const whole = rebuilt.flatMap(({ sources }) => sources.map(({ topic }) => topic.name));
    for (const topic of whole.filter((name) => !anew.has(name))) {
      const [description] = await this.#log.describeTopics([topic]);
      for (const [partition, { start }] of (description?.offsets ?? []).entries()) {
        resets.push({ topic, partition, offset: start });
      }
    }
    for (const { topic, partitions } of restarted) {
      for (let partition = 0; partition < partitions; partition++)
        resets.push({ topic, partition, offset: 0 });
    }
    return resets;
  }

  /** Reads one changelog's newest record of each key, and writes what becomes of it to another, or the same. */
  async #transfer(
    from: string,
    to: string,
    partition: number,
    become: (record: ProducerRecord) => ProducerRecord | undefined,
  ): Promise<void> {
    const place = { topic: from, partition };
    const [description] = await this.#log.describeTopics([from]);
    const bounds = description?.offsets[partition];
    if (bounds === undefined || bounds.start >= bounds.stable) return;
    const consumer = await this.#log.consumer();
    try {
      consumer.assign([{ ...place, offset: bounds.start }]);
      let chunk: ProducerRecord[] = [];
      while ((consumer.position(place) ?? 0) < bounds.stable) {
        for (const batch of await consumer.poll(POLL_MS)) {
          for (let i = 0; i < batch.count && batch.offset(i) < bounds.stable; i++) {
            const [key, value] = [batch.key(i), batch.value(i)];
            const headers = batch.headers(i);
            const record = become({ key, value, timestamp: batch.timestamp(i), headers });
            if (key !== null && record !== undefined) chunk.push(record);
          }
        }
        if (chunk.length < CHUNK_RECORDS) continue;
        await this.#append(to, partition, chunk);
        chunk = [];
      }
      await this.#append(to, partition, chunk);
    } finally {
      await consumer.close();
    }
  }

  async #append(topic: string, partition: number, records: readonly ProducerRecord[]): Promise<void> {
    if (records.length === 0) return;
    this.#producer.append(topic, partition, records);
    await this.#commit([]);
  }

  async #delete(topics: readonly string[]): Promise<void> {
    for (const topic of new Set(topics)) {
      try {
        await this.#log.deleteTopics([topic]);
      } catch (error) {
        // A migration that was cut short has done it.
        if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
      }
    }
  }
}

/** Removes the row again: a copy of the store elsewhere learns of it as of any change. */
function bury(record: ProducerRecord): ProducerRecord | undefined {
  return record.value === null ? undefined : { key: record.key, value: null, timestamp: record.timestamp };
}

function busy(group: string, cause: unknown): RetryableError {
  return new RetryableError(
    'MR_TOPOLOGY_MIGRATION_BUSY',
    `The state of ${group} can't be migrated while an instance of it runs, or another one migrates it.`,
    {
      hint: 'stop all instances, wait ten seconds for those that did not leave properly, and start one',
      cause,
    },
  );
}
