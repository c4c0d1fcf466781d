import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addOffsetsToTxnV4, endTxnV4, initProducerIdV5, txnOffsetCommitV4 } from '@platformatic/kafka';
import { serversSkip } from '#servers';
import { hasCode } from '../../contract/opened.ts';
import type { OffsetCommit } from '../../port.ts';
import { errorName } from '../wire/kafka-errors.ts';
import { retrying } from '../wire/retry.ts';
import { type Client, Clients, joining } from './testing/clients.ts';

const options = { skip: serversSkip, timeout: 180_000 };
const at = (offset: number, partition = 0, topic = 'in'): OffsetCommit => ({ topic, partition, offset });
const nobody = { group: 'readers', memberId: '', generation: -1 };

/** Commits an offset of in/0 for 'readers' in a transaction; gives what ends it. */
async function openTransaction({ cluster }: Client, offset: number): Promise<() => Promise<unknown>> {
  const [id, group] = [cluster.prefixed('id'), cluster.prefixed('readers')];
  const broker = await cluster.coordinator('transaction', 'id');
  const connection = await cluster.connection(broker, 'transaction');
  const { producerId, producerEpoch } = await retrying(cluster, () =>
    initProducerIdV5.api.async(connection, id, 60_000, -1n, -1),
  );
  await addOffsetsToTxnV4.api.async(connection, id, producerId, producerEpoch, group);
  const partitions = [
    { partitionIndex: 0, committedOffset: BigInt(offset), committedLeaderEpoch: -1, committedMetadata: '' },
  ];
  const topics = [{ name: cluster.prefixed('in'), partitions }];
  await retrying(
    cluster,
    async () => {
      const coordinator = await cluster.connection(
        await cluster.coordinator('group', 'readers'),
        'transaction',
      );
      await txnOffsetCommitV4.api.async(
        coordinator,
        id,
        group,
        producerId,
        producerEpoch,
        -1,
        '',
        null,
        topics,
      );
    },
    { isPassing: (error) => errorName(error) === 'COORDINATOR_LOAD_IN_PROGRESS' },
  );
  return () => endTxnV4.api.async(connection, id, producerId, producerEpoch, true);
}

test(
  'offsets of topics and partitions that are not there are refused, with all others',
  options,
  async (t) => {
    const clients = (await Clients.shared(t)) as Clients;
    await clients.createTopic('in', 2);
    const { groups } = await clients.open();
    const refused = [
      [at(1), at(1, 0, 'unknown')],
      [at(1), at(1, 2)],
      [at(1), at(1, -1)],
    ];
    for (const offsets of refused) {
      await assert.rejects(groups.commit(nobody, offsets), hasCode('MR_LOG_UNKNOWN_TOPIC'));
    }
    await groups.commit(nobody, []);
    assert.deepEqual(await groups.committed('readers', [at(0), at(0, 1)]), [undefined, undefined]);
  },
);

test('a deleted topic is met at the next commit', options, async (t) => {
  const clients = (await Clients.shared(t)) as Clients;
  const { cluster, groups } = await clients.open();
  await clients.createTopic('in', 1);
  await groups.commit(nobody, [at(1)]);
  await clients.deleteTopic('in');
  assert.ok(cluster.cachedTopic('in') !== undefined, 'this client has not heard of it');
  await assert.rejects(groups.commit(nobody, [at(2)]), hasCode('MR_LOG_UNKNOWN_TOPIC'));
});

test('committed offsets come in the order requested, over several topics', options, async (t) => {
  const clients = (await Clients.shared(t)) as Clients;
  await clients.createTopic('in', 3);
  await clients.createTopic('more', 1);
  const { groups } = await clients.open();
  const member = await groups.join(joining({ topics: ['in', 'more'] }));
  const kept = [at(1, 0), at(7, 0, 'more'), { ...at(2 ** 52, 2), metadata: 'mark' }];
  await groups.commit(member, kept);
  const asked = [at(0, 2), at(0, 0, 'more'), at(0, 1), at(0, 0), at(0, 0, 'unknown')];
  const [one, two, three] = kept;
  assert.deepEqual(await groups.committed('workers', asked), [three, two, undefined, one, undefined]);
  assert.deepEqual(await groups.committed('workers', []), []);
});

test(
  'who asks for an offset while a transaction is to change it gets the one after it',
  options,
  async (t) => {
    const clients = (await Clients.shared(t)) as Clients;
    await clients.createTopic('in', 2);
    const client = await clients.open();
    const { groups } = client;
    await groups.commit(nobody, [at(3), at(4, 1)]);
    const end = await openTransaction(client, 7);
    const waiting = groups.committed('readers', [at(0)]);
    // A later request on the same connection has its answer, so the first one has too.
    assert.deepEqual(await groups.committed('readers', [at(0, 1)]), [at(4, 1)]);
    await end();
    assert.deepEqual(await waiting, [at(7)]);
  },
);
