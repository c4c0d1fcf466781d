import { isJournalTopic, movedJournalValue, portableHeaders } from '#engine';
import {
  type FencedWriter,
  idleMember,
  isExpired,
  type Log,
  type ProducerRecord,
  type RecordBatch,
  type TopicDescription,
  type TopicPartition,
  type Transaction,
} from '#log';
import { ConfigurationError, failpoint } from '#platform';
import { holdsCopiedAlone } from './copied-before.ts';
import { type CopiedPartition, type CopyOptions, copyGroup, sum } from './copy-options.ts';
import type { SchemaMove } from './framed-values.ts';
import type { MovedLog } from './moved-log.ts';
import { type CopySide, digestPartition, type PartitionDigest } from './partition-digest.ts';
import type { Offsets } from './stretch.ts';

const DEFAULT_MAX_RECORDS = 5_000;
/** A transaction is held in memory until it commits. */
const MAX_BYTES = 16 * 1024 * 1024;
const POLL_MS = 500;
const DAY_MS = 86_400_000;

/** Told of the offsets of a topic that have been passed. */
export type Tally = (topic: string, offsets: number) => void;

/** A partition's records between two positions. */
type Stretch = Offsets & { readonly partition: number };

export type Rewriting = { readonly schemas: SchemaMove; readonly moved: MovedLog };

/** The copying of one topic: look at what is there, copy, compare. */
export class TopicCopy {
  readonly #options: CopyOptions;
  readonly #topic: TopicDescription;
  readonly #rewriting: Rewriting;
  readonly #writer: FencedWriter;
  readonly #compacted: boolean;
  readonly #copied: number[];
  /** What was copied before this call. */
  #begun: readonly Stretch[] = [];

  constructor(options: CopyOptions, topic: TopicDescription, rewriting: Rewriting, writer: FencedWriter) {
    this.#options = options;
    this.#topic = topic;
    this.#rewriting = rewriting;
    this.#writer = writer;
    this.#compacted = topic.cleanup.policy === 'compact';
    this.#copied = topic.offsets.map(() => 0);
  }

  /** What is on the target must be what this copy has brought there, before it brings more. */
  async refuseOccupied(): Promise<void> {
    const { from, to, signal } = this.#options;
    const target = await describe(to.log, this.#topic.name);
    const committed = await to.log.committedOffsets(copyGroup(from), this.#places());
    this.#begun = this.#topic.offsets.map(({ start }, partition) => {
      return { partition, from: start, to: Math.max(start, committed[partition]?.offset ?? start) };
    });
    for (const { partition, ...begun } of this.#begun) {
      const { start, stable } = target.offsets[partition] ?? { start: 0, stable: 0 };
      const copied = {
        from,
        to,
        at: { topic: this.#topic.name, partition },
        compacted: this.#compacted,
        begun,
        end: this.#topic.offsets[partition]?.stable ?? 0,
        there: { from: start, to: stable },
        signal,
      };
      if (!(await holdsCopiedAlone(copied))) throw occupied(this.#options, this.#topic.name, partition);
    }
  }

  /** Offsets that are still to be passed. */
  get left(): number {
    return sum(this.#stretches().map(({ from, to }) => to - from));
  }

  #stretches(): readonly Stretch[] {
    return this.#begun
      .map(({ partition, to }) => ({ partition, from: to, to: this.#topic.offsets[partition]?.stable ?? 0 }))
      .filter(({ from, to }) => from < to);
  }

  async copy(tally: Tally): Promise<void> {
    await this.#rewriting.schemas.registerSubject(this.#topic.name);
    const stretches = this.#stretches();
    if (stretches.length > 0) await this.#copyStretches(stretches, tally);
  }

  async #copyStretches(stretches: readonly Stretch[], tally: Tally): Promise<void> {
    const { name } = this.#topic;
    const { from, signal, maxRecords = DEFAULT_MAX_RECORDS } = this.#options;
    const ends = new Map(stretches.map(({ partition, to }) => [partition, to]));
    const reached = new Map(stretches.map((stretch) => [stretch.partition, stretch.from]));
    let left = sum(stretches.map((stretch) => stretch.to - stretch.from));
    let gathered = new Gathered();
    const commit = async (positions: ReadonlyMap<number, number>) => {
      await this.#commit(positions, gathered.appends);
      gathered = new Gathered();
      const now = sum(stretches.map(({ partition, to }) => to - (positions.get(partition) ?? to)));
      tally(name, left - now);
      left = now;
    };
    const consumer = await from.log.consumer();
    const unread = () =>
      stretches.filter(({ partition, to }) => (consumer.position({ topic: name, partition }) ?? to) < to);
    try {
      consumer.assign(
        stretches.map((each) => ({ topic: name, partition: each.partition, offset: each.from })),
      );
      while (unread().length > 0) {
        for (const batch of await consumer.poll(POLL_MS)) {
          const end = ends.get(batch.partition) ?? 0;
          gathered.add(name, batch.partition, await this.#recordsOf(batch, end));
          reached.set(batch.partition, Math.min(batch.nextOffset, end));
          if (gathered.records < maxRecords && gathered.bytes < MAX_BYTES) continue;
          await commit(reached);
        }
        signal.throwIfAborted();
      }
      await commit(ends);
    } finally {
      await consumer.close();
    }
  }

  async #recordsOf(batch: RecordBatch, end: number): Promise<readonly ProducerRecord[]> {
    const records: ProducerRecord[] = [];
    for (let i = 0; i < batch.count && batch.offset(i) < end; i++) {
      const value = batch.value(i);
      const timestamp = batch.timestamp(i);
      this.#refuseExpired(timestamp);
      records.push({
        key: batch.key(i),
        value: value && (await this.#rewritten(batch.key(i), value)),
        timestamp,
        headers: portableHeaders(batch.headers(i)),
      });
    }
    this.#copied[batch.partition] = (this.#copied[batch.partition] ?? 0) + records.length;
    return records;
  }

  /** What a value says of schemas or offsets, in terms of the target. */
  #rewritten(key: Buffer | null, value: Buffer): Promise<Buffer> {
    const { schemas, moved } = this.#rewriting;
    const { name } = this.#topic;
    return isJournalTopic(name)
      ? movedJournalValue(key, value, moved.offsetsOf)
      : schemas.rewritten(name, value);
  }

  async #commit(
    positions: ReadonlyMap<number, number>,
    appends: NonNullable<Transaction['appends']>,
  ): Promise<void> {
    const { from, signal } = this.#options;
    signal.throwIfAborted();
    const offsets = Array.from(positions, ([partition, offset]) => {
      return { topic: this.#topic.name, partition, offset };
    });
    failpoint('copy.commit.before');
    await this.#writer.write({ appends, offsets: [{ group: idleMember(copyGroup(from)), offsets }] });
    failpoint('copy.commit.after');
  }

  #refuseExpired(timestamp: number): void {
    const { to, clock } = this.#options;
    const { cleanup, name } = this.#topic;
    if (!to.expiresByWallClock || !isExpired(cleanup, timestamp, clock.now())) return;
    throw new ConfigurationError(
      'MR_COPY_EXPIRES',
      `Topic ${name} has a record of ${new Date(timestamp).toISOString()}, and ${to.name} retains records for ` +
        `${Math.round(cleanup.retentionMs / DAY_MS)} days by the wall clock: it would delete the record.`,
      { hint: 'Add retention=none to the address of the target, and a prefix that has no topics yet.' },
    );
  }

  /** Offsets that verifying passes. */
  async size(): Promise<number> {
    const target = await describe(this.#options.to.log, this.#topic.name);
    return sum([...this.#topic.offsets, ...target.offsets].map(({ start, stable }) => stable - start));
  }

  async verify(tally: Tally): Promise<readonly CopiedPartition[]> {
    const { from, to } = this.#options;
    const { name } = this.#topic;
    const target = await describe(to.log, name);
    const onRead = (offsets: number) => tally(name, offsets);
    const results: CopiedPartition[] = [];
    for (const place of this.#places()) {
      const { partition } = place;
      const [here, there] = [this.#topic.offsets[partition], target.offsets[partition]].map((offsets) => ({
        partition,
        from: offsets?.start ?? 0,
        to: offsets?.stable ?? 0,
      })) as [Stretch, Stretch];
      const source = await this.#digest(from, here, onRead);
      const copy = await this.#digest(to, there, onRead);
      results.push({ ...place, copied: this.#copied[partition] ?? 0, source, target: copy });
    }
    return results;
  }

  #digest(
    side: CopySide,
    { partition, ...stretch }: Stretch,
    onRead: (offsets: number) => void,
  ): Promise<PartitionDigest> {
    const at = { topic: this.#topic.name, partition };
    const { signal } = this.#options;
    return digestPartition(side, at, { ...stretch, compacted: this.#compacted, signal, onRead });
  }

  #places(): TopicPartition[] {
    return this.#topic.offsets.map((_, partition) => ({ topic: this.#topic.name, partition }));
  }
}

/** What the next transaction takes along. */
class Gathered {
  readonly appends: (TopicPartition & { readonly records: readonly ProducerRecord[] })[] = [];
  records = 0;
  bytes = 0;

  add(topic: string, partition: number, records: readonly ProducerRecord[]): void {
    this.appends.push({ topic, partition, records });
    this.records += records.length;
    for (const { key, value } of records) this.bytes += (key?.length ?? 0) + (value?.length ?? 0);
  }
}

async function describe(log: Log, topic: string): Promise<TopicDescription> {
  const [description] = await log.describeTopics([topic]);
  return description as TopicDescription;
}

function occupied({ to }: CopyOptions, topic: string, partition: number): ConfigurationError {
  return new ConfigurationError(
    'MR_COPY_TARGET_OCCUPIED',
    `Partition ${partition} of topic ${topic} on ${to.name} has records that this copy did not write.`,
    { hint: 'Copy to a log without this topic, such as one with another prefix or data directory.' },
  );
}
