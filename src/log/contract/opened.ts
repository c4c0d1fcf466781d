import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Clock, errorCode } from '#platform';
import type { Cleanup, Consumer, ConsumerOptions, Log, ProducerRecord, TopicPartition } from '../port.ts';

/** A log to test, and what the suite must know of its adapter. */
export type OpenedLog = {
  /** Without topics. */
  readonly log: Log;
  /** Another client of the same topics. */
  another(): Promise<Log>;
  readonly clock: Clock;
  /** A session timeout that is short for a test, yet not missed by a member that heartbeats. */
  readonly sessionTimeoutMs: number;
  dispose(): Promise<void>;
};

export type OpenLog = () => Promise<OpenedLog>;

/** Runs one test of the suite against a fresh log. */
export type ContractTest = (
  title: string,
  body: (opened: OpenedLog, t: TestContext) => Promise<void>,
) => void;

export function contractTest(name: string, open: OpenLog, skip: string | false): ContractTest {
  return (title, body) => {
    test(`${name}: ${title}`, { timeout: 60_000, skip }, async (t) => {
      const opened = await open();
      try {
        await body(opened, t);
      } finally {
        await opened.dispose();
      }
    });
  };
}

export const keepForEver: Cleanup = { policy: 'delete', retentionMs: null };
export const compact: Cleanup = { policy: 'compact', tombstoneRetentionMs: 86_400_000 };

export const hasCode = (code: string) => (error: unknown) => {
  assert.equal(errorCode(error), code, String(error));
  return true;
};

export const text = (value: string, timestamp = 1000): ProducerRecord => ({
  key: Buffer.from(`key of ${value}`),
  value: Buffer.from(value),
  timestamp,
});

export type ReadRecord = TopicPartition & {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: readonly (readonly [string, string])[];
};

/** The records of one poll, and the promises of RecordBatch that hold for each. */
export async function pollRecords(consumer: Consumer, timeoutMs = 1000): Promise<ReadRecord[]> {
  const read: ReadRecord[] = [];
  for (const batch of await consumer.poll(timeoutMs)) {
    assert.ok(batch.nextOffset > batch.baseOffset);
    let last = batch.baseOffset - 1;
    for (let i = 0; i < batch.count; i++) {
      assert.ok(batch.offset(i) > last, 'offsets ascend');
      last = batch.offset(i);
      read.push({
        topic: batch.topic,
        partition: batch.partition,
        offset: last,
        key: batch.key(i)?.toString() ?? null,
        value: batch.value(i)?.toString() ?? null,
        timestamp: batch.timestamp(i),
        headers: batch.headers(i).map(([name, value]) => [name, value.toString()] as const),
      });
    }
    assert.ok(batch.nextOffset > last);
  }
  return read;
}

/** Reads on until `count` more records have come. */
export async function readCount(consumer: Consumer, count: number): Promise<ReadRecord[]> {
  const read: ReadRecord[] = [];
  while (read.length < count) read.push(...(await pollRecords(consumer)));
  return read;
}

/** Everything that a new reader finds in the partitions; waits for the transactions that have ended there. */
export function readToEnd(
  log: Log,
  partitions: readonly TopicPartition[],
  options: ConsumerOptions = {},
): Promise<ReadRecord[]> {
  return readTo('end', log, partitions, options);
}

/** What a new reader finds beside transactions that are still open. */
export function readToStable(log: Log, partitions: readonly TopicPartition[]): Promise<ReadRecord[]> {
  return readTo('stable', log, partitions, {});
}

async function readTo(
  goal: 'end' | 'stable',
  log: Log,
  partitions: readonly TopicPartition[],
  options: ConsumerOptions,
): Promise<ReadRecord[]> {
  const consumer = await log.consumer(options);
  const described = await log.describeTopics([...new Set(partitions.map((at) => at.topic))]);
  const offsetsOf = (at: TopicPartition) =>
    described.find((topic) => topic.name === at.topic)?.offsets[at.partition];
  consumer.assign(partitions.map((at) => ({ ...at, offset: offsetsOf(at)?.start ?? 0 })));
  const isRead = (at: TopicPartition) => {
    const position = consumer.position(at) ?? 0;
    return position >= (offsetsOf(at)?.[goal] ?? 0) && position === consumer.end(at);
  };
  const read: ReadRecord[] = [];
  do read.push(...(await pollRecords(consumer, 20)));
  while (!partitions.every(isRead));
  await consumer.close();
  return read;
}

export const values = (records: readonly ReadRecord[]) => records.map((record) => record.value);

export const at = (topic: string, partition = 0): TopicPartition => ({ topic, partition });
