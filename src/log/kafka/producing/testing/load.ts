import assert from 'node:assert/strict';
import { errorCode, RetryableError, systemClock } from '#platform';
import type { Log, ProducerRecord, TransactionalProducer } from '../../../port.ts';

export const record = (value: string): ProducerRecord => ({
  key: Buffer.from('k'),
  value: Buffer.from(value),
  timestamp: 1,
});

/** The values of each partition, read committed up to its stable offset. */
export async function readAll(log: Log, topic: string): Promise<string[][]> {
  const [description] = await log.describeTopics([topic]);
  const values: string[][] = (description?.offsets ?? []).map(() => []);
  const consumer = await log.consumer();
  const at = values.map((_, partition) => ({ topic, partition, offset: 0 }));
  consumer.assign(at);
  do {
    for (const batch of await consumer.poll(100)) {
      for (let i = 0; i < batch.count; i++) values[batch.partition]?.push(batch.value(i)?.toString() ?? '');
    }
  } while (at.some((place) => consumer.position(place) !== consumer.end(place)));
  await consumer.close();
  return values;
}

/** Anyone commits for a group without members. */
const READERS = { group: 'readers', memberId: '', generation: -1 };
const TRANSACTIONAL_ID = 'load';

type LoadOptions = {
  /**
   * Continues as a new producer if the brokers fence the old one, as those without transaction.version 2 do after a
   * transaction takes too long, or if the next epoch is requested again after their restart. Otherwise fencing fails.
   */
  readonly startsOverWhenFenced?: boolean;
};

/** Two producers write to both partitions of a topic until they are told to stop; everything has to arrive once. */
export class Load {
  readonly expected: string[][] = [[], []];
  #count = 0;
  #appended = 0;
  #isOver = false;
  readonly #log: Log;
  readonly #startsOverWhenFenced: boolean;
  #work: Promise<unknown> = Promise.resolve();

  constructor(log: Log, { startsOverWhenFenced = false }: LoadOptions = {}) {
    this.#log = log;
    this.#startsOverWhenFenced = startsOverWhenFenced;
  }

  async start(): Promise<void> {
    const keeps = { policy: 'delete', retentionMs: null } as const;
    await this.#log.createTopics(
      ['plain', 'committed'].map((name) => ({ name, partitions: 2, cleanup: keeps })),
    );
    this.#work = Promise.all([this.#append(), this.#commit()]);
    // A failure is met in `finish`.
    this.#work.catch(() => {});
  }

  /** Resolves when `count` more transactions have been committed. */
  async goesOn(count = 10): Promise<void> {
    const failed = this.#work.then(() => {});
    for (const target = this.#count + count; this.#count < target; ) {
      await Promise.race([systemClock.sleep(5), failed]);
    }
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    const committed = await readAll(this.#log, 'committed');
    assert.deepEqual(committed, this.expected, 'every committed record is there once, in order');
    assert.equal(await this.#committedOffset(), this.#count, 'the offset is that of the last transaction');
    const plain = await readAll(this.#log, 'plain');
    for (const [partition, values] of plain.entries()) {
      const at = values.findIndex((value, i) => value !== `${i}`);
      const around = values.slice(Math.max(0, at - 3), at + 4);
      assert.equal(
        at,
        -1,
        `plain/${partition}: every record is there once, in order; not where ${around} are`,
      );
      assert.equal(values.length, this.#appended, `plain/${partition}: every record is there`);
    }
  }

  /** Several appends under way at any time. */
  async #append(): Promise<void> {
    const producer = await this.#log.producer();
    const underWay: Promise<unknown>[] = [];
    for (; !this.#isOver; this.#appended++) {
      const values = [record(`${this.#appended}`)];
      for (const partition of [0, 1]) underWay.push(producer.append('plain', partition, values));
      if (underWay.length >= 40) await underWay.shift();
      await systemClock.sleep(1);
    }
    await Promise.all(underWay);
    await producer.close();
  }

  /** Transactions, of which each fifth is aborted once before it is committed. */
  async #commit(): Promise<void> {
    let producer = await this.#log.transactionalProducer(TRANSACTIONAL_ID);
    for (let i = 0; !this.#isOver; i++) {
      const values = [0, 1].map((partition) => [`${i} a ${partition}`, `${i} b ${partition}`]);
      if (i % 5 === 0) producer = await this.#transaction(producer, i, values, 'abort');
      producer = await this.#transaction(producer, i, values, 'commit');
      for (const partition of [0, 1]) this.expected[partition]?.push(...(values[partition] ?? []));
      this.#count++;
    }
    await producer.close();
  }

  /** Retries after a transient failure, which has aborted the transaction. Returns the producer to continue with. */
  async #transaction(
    first: TransactionalProducer,
    i: number,
    values: readonly (readonly string[])[],
    end: 'commit' | 'abort',
  ): Promise<TransactionalProducer> {
    for (let producer = first; ; ) {
      try {
        for (const [partition, each] of values.entries())
          producer.append('committed', partition, each.map(record));
        producer.sendOffsets(READERS, [{ topic: 'plain', partition: 0, offset: i + 1 }]);
        await producer[end]();
        return producer;
      } catch (error) {
        if (this.#startsOverWhenFenced && errorCode(error) === 'MR_LOG_FENCED') {
          await producer.close();
          producer = await this.#log.transactionalProducer(TRANSACTIONAL_ID);
          // It may have been committed before.
          if ((await this.#committedOffset()) === i + 1) return producer;
        } else if (!(error instanceof RetryableError)) throw error;
      }
    }
  }

  async #committedOffset(): Promise<number | undefined> {
    const [commit] = await this.#log.committedOffsets(READERS.group, [{ topic: 'plain', partition: 0 }]);
    return commit?.offset;
  }
}
