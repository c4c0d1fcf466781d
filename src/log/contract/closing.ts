import assert from 'node:assert/strict';
import { at, type ContractTest, hasCode, keepForEver, readToEnd, text, values } from './opened.ts';

/** The end of a client. */
export function closingTests(contract: ContractTest): void {
  contract(
    'close finishes what is under way and keeps all that was acknowledged',
    async ({ log, another }) => {
      await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
      const other = await another();
      const producer = await other.producer();
      const pending = Array.from({ length: 30 }, (_, i) => producer.append('in', 0, [text(`${i}`)]));
      const settled = Promise.allSettled(pending);
      await other.close();
      const acknowledged = (await settled).flatMap((result, i) =>
        result.status === 'fulfilled' ? [`${i}`] : [],
      );
      assert.equal(acknowledged.length, 30);
      assert.deepEqual(values(await readToEnd(log, [at('in')])), acknowledged);
    },
  );

  contract('after close every call fails, and closing again does not', async ({ log, another }) => {
    await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
    const other = await another();
    const producer = await other.producer();
    const transactional = await other.transactionalProducer('id');
    const consumer = await other.consumer();
    consumer.assign([{ ...at('in'), offset: 0 }]);
    const options = {
      group: 'g',
      metadata: Buffer.alloc(0),
      sessionTimeoutMs: 10_000,
      assign: () => new Map(),
    };
    const member = await other.joinGroup(options);
    const waiting = assert.rejects(consumer.poll(50_000), hasCode('MR_LOG_CLOSED'));
    const joining = assert.rejects(other.joinGroup(options), hasCode('MR_LOG_CLOSED'));
    await other.close();
    await other.close();
    await waiting;
    await joining;
    const closed = [
      () => other.createTopics([]),
      () => other.deleteTopics(['in']),
      () => other.describeTopics(),
      () => other.offsetForTimestamp(at('in'), 0),
      () => other.producer(),
      () => other.transactionalProducer('id'),
      () => other.consumer(),
      () => other.joinGroup(options),
      () => other.committedOffsets('g', [at('in')]),
      () => other.groups(),
      () => other.commitOffsets(member, []),
      () => producer.append('in', 0, [text('late')]),
      () => transactional.commit(),
      () => consumer.poll(10),
      () => member.heartbeat(),
    ];
    for (const call of closed) await assert.rejects(call(), hasCode('MR_LOG_CLOSED'), String(call));
    await producer.close();
    await transactional.close();
    await consumer.close();
    assert.deepEqual(await readToEnd(log, [at('in')]), []);
  });
}
