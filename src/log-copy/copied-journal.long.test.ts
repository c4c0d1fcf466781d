import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isJournalTopic, memoryDatabases } from '#engine';
import type { Log, ProducerRecord } from '#log';
import { watchFailpoints } from '#platform';
import type { CopyOptions, CopyProgress } from './copy-options.ts';
import { isEqual } from './copy-topics.ts';
import {
  differentFromRebuild,
  GROUP,
  left,
  many,
  rows,
  settle,
  verified,
  write,
} from './testing/processing.ts';
import { copy, embedded, onKafka, type Side, simulated } from './testing/sides.ts';

const allEqual = Object.fromEntries(
  ['by-letter-0', 'by-letter-1', 'left-0', 'many-0', 'many-1'].map((task) => [task, 'equal']),
);

/** Several commits, with records that were aborted in between where the log keeps their offsets. */
async function process(side: Side): Promise<void> {
  await side.log.createTopics([many, left, rows]);
  const aborting = await side.log.transactionalProducer('aborting');
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i <= round; i++) {
      aborting.append('many', i % 2, [{ key: Buffer.from('a'), value: Buffer.from('9'), timestamp: 1 }]);
      await aborting.abort();
    }
    await write(side, many, ...[...'abcdef'].map((key, i) => [key, 10 * round + i] as const));
    await write(side, left, ['x', round], ['y', round + 1]);
    await write(side, rows, [`r${round}`, round], ['x', 5 + round]);
    await settle(side);
  }
  await aborting.close();
}

async function copyAll(from: Side, to: Side, options: Partial<CopyOptions> = {}): Promise<void> {
  const copied = await copy(from, to, options);
  assert.deepEqual(
    copied.filter((each) => !isEqual(each)).map(({ topic }) => topic),
    [],
  );
}

/** Equal right after a copy, after more commits, and after a copy to a third log. */
async function assertVerifiable(from: Side, to: Side, third: Side): Promise<void> {
  await process(from);
  assert.deepEqual(await verified(from), allEqual);
  await copyAll(from, to);
  assert.deepEqual(await verified(to), allEqual, 'right after the copy');
  assert.deepEqual(await differentFromRebuild(to), []);
  const databases = memoryDatabases();
  await settle(to, databases);
  assert.deepEqual(await verified(to, databases), allEqual, 'restored, and nothing was new');
  await write(to, many, ['a', 70], ['g', 71]);
  await write(to, left, ['x', 72]);
  await settle(to, databases);
  assert.deepEqual(await verified(to, databases), allEqual, 'after more commits');
  await copyAll(to, third);
  assert.deepEqual(await verified(third), allEqual, 'after a copy back');
}

describe('a copied journal', () => {
  it('can be verified on an embedded log, and back on one with gaps', async (t) => {
    await assertVerifiable(simulated(t), await embedded(t), simulated(t));
  });

  it('can be verified on a log with gaps, and back on an embedded one', async (t) => {
    await assertVerifiable(await embedded(t), simulated(t), await embedded(t));
  });

  it('can be verified on a second embedded log', async (t) => {
    await assertVerifiable(await embedded(t), await embedded(t), await embedded(t));
  });

  it('can be verified on Kafka, and back on an embedded log', { timeout: 240_000 }, async (t) => {
    const kafka = await onKafka(t);
    if (kafka !== undefined) await assertVerifiable(await embedded(t), kafka, await embedded(t));
  });

  it('can be verified on an embedded log that was copied from Kafka, and back', {
    timeout: 240_000,
  }, async (t) => {
    const [from, third] = [await onKafka(t), await onKafka(t)];
    if (from !== undefined && third !== undefined) await assertVerifiable(from, await embedded(t), third);
  });

  it('can be verified where compaction had left gaps before processing', async (t) => {
    const [from, to] = [await embedded(t), simulated(t)];
    await from.log.createTopics([many, left, rows]);
    await write(from, rows, ['x', 1], ['y', 1], ['x', 2], ['z', 1], ['x', 3], ['y', 2]);
    await from.clean();
    await process(from);
    assert.deepEqual(await verified(from), allEqual);
    await copyAll(from, to);
    assert.deepEqual(await verified(to), allEqual);
  });

  it('says of a task whose records compaction has taken before the copy that they are gone', async (t) => {
    const [from, to] = [await embedded(t), simulated(t)];
    await process(from);
    await from.clean();
    const gone = { ...allEqual, 'left-0': 'MR_VERIFY_INPUT_GONE' };
    assert.deepEqual(await verified(from), gone);
    await copyAll(from, to);
    assert.deepEqual(await verified(to), gone);
    await write(to, left, ['x', 72]);
    await settle(to);
    assert.deepEqual(await verified(to), gone);
    const third = await embedded(t);
    await copyAll(to, third);
    assert.deepEqual(await verified(third), gone);
  });

  it('can be verified after a copy that was cut off, and gone on with after more commits', async (t) => {
    for (const [from, to] of [
      [simulated(t), await embedded(t)],
      [await embedded(t), simulated(t)],
    ] as const) {
      await process(from);
      t.after(() => watchFailpoints(undefined));
      for (const point of ['copy.commit.before', 'copy.commit.after']) {
        let journals = 0;
        let isCutOff = false;
        const onProgress = ({ topic }: CopyProgress) => {
          if (isJournalTopic(topic)) journals++;
        };
        watchFailpoints((name) => {
          isCutOff ||= name === point && journals === 2;
          if (isCutOff) throw new Error('cut off');
        });
        await assert.rejects(copyAll(from, to, { maxRecords: 2, onProgress }), /cut off/);
        watchFailpoints(undefined);
        await process(from);
      }
      await copyAll(from, to, { maxRecords: 2 });
      assert.deepEqual(await verified(to), allEqual);
      await process(from);
      await copyAll(from, to);
      assert.deepEqual(await verified(to), allEqual);
    }
  });

  it('can be verified where processors wrote to the source during the first copy', async (t) => {
    const [from, to] = [simulated(t), await embedded(t)];
    await process(from);
    let isFirst = true;
    const log = new Proxy(from.log, {
      get(target, name: keyof Log) {
        const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
        if (name !== 'describeTopics') return method;
        return async (...args: unknown[]) => {
          const described = await method(...args);
          if (isFirst) {
            isFirst = false;
            await process(from);
          }
          return described;
        };
      },
    });
    await copyAll({ ...from, log }, to);
    assert.equal(isFirst, false);
    await copyAll(from, to);
    assert.deepEqual(await verified(to), allEqual);
  });

  it('says that records were missing where it was copied without its inputs', async (t) => {
    const [from, to] = [await embedded(t), await embedded(t)];
    await process(from);
    await copyAll(from, to, { topics: [`${GROUP}-journal`] });
    await copyAll(from, to);
    const gone = Object.keys(allEqual).map((task) => [task, 'MR_VERIFY_INPUT_GONE']);
    assert.deepEqual(await verified(to), Object.fromEntries(gone));
  });

  it('finds a value of an input that is another one on the target', async (t) => {
    const [from, to] = [simulated(t), await embedded(t)];
    await process(from);
    await copyAll(from, to);
    const unchanged = await embedded(t);
    await rewrite(to, unchanged, (record) => record);
    assert.deepEqual(await verified(unchanged), allEqual);
    const flipped = await embedded(t);
    await rewrite(to, flipped, (record, topic, offset) => {
      return topic === left.name && offset === 2 ? { ...record, value: Buffer.from('8') } : record;
    });
    assert.deepEqual(await verified(flipped), { ...allEqual, 'left-0': 'different' });
  });
});

/** Copies records one by one to an empty embedded log, where they get the same offsets if there are no gaps. */
async function rewrite(
  from: Side,
  to: Side,
  change: (record: ProducerRecord, topic: string, offset: number) => ProducerRecord,
): Promise<void> {
  const described = await from.log.describeTopics();
  await to.log.createTopics(
    described.map(({ name, partitions, cleanup }) => ({ name, partitions, cleanup })),
  );
  const producer = await to.log.producer();
  for (const { name, offsets } of described) {
    for (const [partition, { start, end }] of offsets.entries()) {
      assert.equal(start, 0);
      const consumer = await from.log.consumer();
      const at = { topic: name, partition };
      consumer.assign([{ ...at, offset: 0 }]);
      while ((consumer.position(at) ?? 0) < end) {
        for (const batch of await consumer.poll(0)) {
          for (let i = 0; i < batch.count; i++) {
            const [key, value, timestamp] = [batch.key(i), batch.value(i), batch.timestamp(i)];
            const record = change(
              { key, value, timestamp, headers: batch.headers(i) },
              name,
              batch.offset(i),
            );
            const { baseOffset } = await producer.append(name, partition, [record]);
            assert.equal(baseOffset, batch.offset(i));
          }
        }
      }
      await consumer.close();
    }
    const places = offsets.map((_, partition) => ({ topic: name, partition }));
    const committed = (await from.log.committedOffsets(GROUP, places)).filter((each) => each !== undefined);
    await to.log.commitOffsets({ group: GROUP, memberId: '', generation: -1 }, committed);
  }
  await producer.close();
}
