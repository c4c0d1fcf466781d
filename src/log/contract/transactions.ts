import assert from 'node:assert/strict';
import { FencedWriter, idleMember } from '../fenced-writer.ts';
import type { Log } from '../port.ts';
import {
  at,
  type ContractTest,
  compact,
  hasCode,
  keepForEver,
  readToEnd,
  readToStable,
  text,
  values,
} from './opened.ts';

const topic = { name: 'out', partitions: 2, cleanup: keepForEver };
const both = [at('out', 0), at('out', 1)];

const readOut = async (log: Log) => values(await readToEnd(log, both)).sort();

/** Transactions: whole or absent, fenced by id and by generation. */
export function transactionTests(contract: ContractTest): void {
  contract('a transaction becomes visible as a whole when it is committed', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    producer.append('out', 0, [text('a')]);
    producer.append('out', 1, [text('b')]);
    producer.append('out', 0, [text('c'), text('d')]);
    producer.sendOffsets(idleMember('readers'), [
      { ...at('in-topic'), topic: 'out', offset: 3, metadata: 'mark' },
    ]);
    assert.deepEqual(await readToStable(log, both), []);
    const appended = await producer.commit();
    const read = await readToEnd(log, both);
    assert.deepEqual(values(read.filter((record) => record.partition === 0)), ['a', 'c', 'd']);
    assert.deepEqual(values(read.filter((record) => record.partition === 1)), ['b']);
    for (const { partition, baseOffset, nextOffset } of appended) {
      const offsets = read.filter((record) => record.partition === partition).map((record) => record.offset);
      assert.equal(baseOffset, offsets[0]);
      assert.ok(nextOffset > (offsets.at(-1) ?? -1));
    }
    assert.deepEqual(appended.map((entry) => entry.partition).sort(), [0, 1]);
    assert.deepEqual(await log.committedOffsets('readers', [at('out')]), [
      { ...at('out'), offset: 3, metadata: 'mark' },
    ]);
  });

  contract('a write that fails before its commit leaves nothing to the next one', async ({ log }) => {
    await log.createTopics([topic]);
    const writer = await FencedWriter.open(log, 'id');
    const appends = [{ ...at('out', 0), records: [text('half')] }];
    const offsets = [{ group: idleMember('readers'), offsets: [{ ...at('out'), offset: -1 }] }];
    await assert.rejects(writer.write({ appends, offsets }), hasCode('MR_LOG_INVALID_OFFSET'));
    await writer.write({ appends: [{ ...at('out', 1), records: [text('whole')] }] });
    assert.deepEqual(await readOut(log), ['whole']);
    await writer.close();
  });

  contract('a writer reads what those before have left, and they write no more', async ({ log }) => {
    await log.createTopics([topic]);
    const first = await FencedWriter.open(log, 'id');
    await first.write({ appends: [{ ...at('out', 0), records: [text('a')] }] });
    const failing = () => Promise.reject(new Error('unreadable'));
    await assert.rejects(FencedWriter.openAndRead(log, 'id', failing), /unreadable/);
    const [second, left] = await FencedWriter.openAndRead(log, 'id', () => readOut(log));
    assert.deepEqual(left, ['a']);
    const late = first.write({ appends: [{ ...at('out', 0), records: [text('late')] }] });
    await assert.rejects(late, hasCode('MR_LOG_FENCED'));
    await second.write({ appends: [{ ...at('out', 0), records: [text('b')] }] });
    assert.deepEqual(await readOut(log), ['a', 'b']);
    await first.close();
    await second.close();
  });

  contract('an aborted transaction leaves nothing, and the next one begins empty', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    producer.append('out', 0, [text('dropped')]);
    producer.sendOffsets(idleMember('readers'), [{ ...at('out'), offset: 1 }]);
    await producer.abort();
    producer.append('out', 1, [text('kept')]);
    await producer.commit();
    assert.deepEqual(await readOut(log), ['kept']);
    assert.deepEqual(await log.committedOffsets('readers', [at('out')]), [undefined]);
  });

  contract('an empty transaction commits to nothing', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    assert.deepEqual(await producer.commit(), []);
    await producer.abort();
    assert.deepEqual(await readOut(log), []);
  });

  contract(
    'a second producer for the id fences the first, also from another client',
    async ({ log, another }) => {
      await log.createTopics([topic]);
      const zombie = await log.transactionalProducer('id');
      zombie.append('out', 0, [text('first')]);
      await zombie.commit();
      zombie.append('out', 0, [text('of the zombie')]);
      const bystander = await log.transactionalProducer('other id');
      const other = await another();
      const heir = await other.transactionalProducer('id');
      heir.append('out', 1, [text('of the heir')]);
      await heir.commit();
      zombie.append('out', 1, [text('more of the zombie')]);
      zombie.sendOffsets(idleMember('readers'), [{ ...at('out'), offset: 9 }]);
      await assert.rejects(zombie.commit(), hasCode('MR_LOG_FENCED'));
      await assert.rejects(zombie.commit(), hasCode('MR_LOG_FENCED'), 'an empty one as well, for good');
      bystander.append('out', 0, [text('of the bystander')]);
      await bystander.commit();
      heir.append('out', 0, [text('again')]);
      await heir.commit();
      await other.close();
      assert.deepEqual(await readOut(log), ['again', 'first', 'of the bystander', 'of the heir']);
      assert.deepEqual(await log.committedOffsets('readers', [at('out')]), [undefined]);
    },
  );

  contract('a stale generation makes the commit fail, whole', async ({ log, sessionTimeoutMs }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    const member = await log.joinGroup({
      group: 'workers',
      metadata: Buffer.alloc(0),
      sessionTimeoutMs: sessionTimeoutMs * 20,
      assign: (members) => new Map(members.map((m) => [m.memberId, Buffer.alloc(0)])),
    });
    producer.append('out', 0, [text('in time')]);
    producer.sendOffsets(member, [{ ...at('out'), offset: 1 }]);
    await producer.commit();
    producer.append('out', 0, [text('too late')]);
    producer.sendOffsets(
      { ...member, group: 'workers', memberId: member.memberId, generation: member.generation - 1 },
      [{ ...at('out'), offset: 2 }],
    );
    await assert.rejects(producer.commit(), hasCode('MR_LOG_GENERATION'));
    producer.append('out', 0, [text('next')]);
    await producer.commit();
    assert.deepEqual(await readOut(log), ['in time', 'next']);
    assert.deepEqual(await log.committedOffsets('workers', [at('out')]), [{ ...at('out'), offset: 1 }]);
  });

  contract('after a refused commit the transaction is gone', async ({ log }) => {
    await log.createTopics([topic, { name: 'keyed', partitions: 1, cleanup: compact }]);
    const producer = await log.transactionalProducer('id');
    const refused = async (code: string, build: () => void) => {
      const commit = async () => {
        producer.append('out', 0, [text('dropped')]);
        build();
        await producer.commit();
      };
      await assert.rejects(commit(), hasCode(code));
      await producer.abort();
    };
    await refused('MR_LOG_UNKNOWN_TOPIC', () => producer.append('unknown', 0, [text('a')]));
    await refused('MR_LOG_KEY_REQUIRED', () =>
      producer.append('keyed', 0, [{ key: null, value: null, timestamp: 1 }]),
    );
    await refused('MR_LOG_INVALID_RECORD', () =>
      producer.append('out', 0, [{ key: null, value: null, timestamp: Number.NaN }]),
    );
    await refused('MR_LOG_METADATA_TOO_LONG', () =>
      producer.sendOffsets(idleMember('readers'), [{ ...at('out'), offset: 1, metadata: 'x'.repeat(4097) }]),
    );
    producer.append('out', 1, [text('kept')]);
    await producer.commit();
    assert.deepEqual(await readOut(log), ['kept']);
  });

  contract('one transaction at a time: nothing may join one that is being committed', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    producer.append('out', 0, [text('a')]);
    const commit = producer.commit();
    const busy = hasCode('MR_LOG_COMMIT_IN_PROGRESS');
    assert.throws(() => producer.append('out', 0, [text('b')]), busy);
    assert.throws(() => producer.sendOffsets(idleMember('readers'), []), busy);
    await assert.rejects(producer.commit(), busy);
    await assert.rejects(producer.abort(), busy);
    await commit;
    assert.deepEqual(await readOut(log), ['a']);
  });

  contract('closing a producer drops its open transaction', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.transactionalProducer('id');
    producer.append('out', 0, [text('dropped')]);
    await producer.close();
    assert.throws(() => producer.append('out', 0, [text('late')]), hasCode('MR_LOG_CLOSED'));
    await assert.rejects(producer.commit(), hasCode('MR_LOG_CLOSED'));
    const heir = await log.transactionalProducer('id');
    heir.append('out', 1, [text('kept')]);
    await heir.commit();
    assert.deepEqual(await readOut(log), ['kept']);
  });

  contract('transactions and plain appends interleave in one partition', async ({ log }) => {
    await log.createTopics([topic]);
    const producer = await log.producer();
    const transactional = await log.transactionalProducer('id');
    const names: string[] = [];
    for (let i = 0; i < 10; i++) {
      transactional.append('out', 0, [text(`${i} committed`)]);
      await producer.append('out', 0, [text(`${i} plain`)]);
      if (i % 3 === 0) {
        await transactional.abort();
        names.push(`${i} plain`);
      } else {
        await transactional.commit();
        names.push(`${i} plain`, `${i} committed`);
      }
    }
    const read = await readToEnd(log, [at('out')]);
    assert.deepEqual(values(read).sort(), names.sort());
    assert.equal(new Set(read.map((record) => record.offset)).size, names.length);
    const uncommitted = await readToEnd(log, [at('out')], { isolation: 'read-uncommitted' });
    for (const record of read) assert.ok(uncommitted.some((other) => other.offset === record.offset));
  });
}
