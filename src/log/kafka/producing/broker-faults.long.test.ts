import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { type KafkaServer, kafkaServer, ownKafka, type ServerTest } from '#servers';
import { hasCode } from '../../contract/opened.ts';
import type { Log } from '../../port.ts';
import { KafkaLog } from '../kafka-log.ts';
import { Cluster } from '../wire/cluster.ts';
import { BrokerError } from '../wire/kafka-errors.ts';
import { parseKafkaUrl } from '../wire/kafka-options.ts';
import { TransactionCoordinator } from './coordinator.ts';
import { Load, readAll, record } from './testing/load.ts';
import { isLost } from './transaction-errors.ts';
import { type TransactionProtocol, transactionProtocol } from './transaction-protocol.ts';
import { openTransactionalProducer } from './transactional-producer.ts';

/** So that the loss of a broker and of a transaction are noticed within a test. */
const properties = {
  'broker.heartbeat.interval.ms': 300,
  'broker.session.timeout.ms': 5_000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 100,
};

let opened = 0;

/** A client under a prefix of its own, which ends with the test. */
async function open(t: ServerTest, url: string, parameters = ''): Promise<{ log: Log; cluster: Cluster }> {
  const options = parseKafkaUrl(`${url}?prefix=producing-${process.pid}-${opened++}.&${parameters}`);
  const cluster = new Cluster(options, { clock: systemClock, random: Math.random });
  const log = new KafkaLog(cluster);
  t.after(() => log.close());
  await cluster.refresh([]);
  return { log, cluster };
}

for (const level of [2, 0]) {
  test(`with transactions of version ${level} each record is appended once and in order while the broker is killed, and shut down`, {
    timeout: 240_000,
  }, async (t) => {
    const kafka = await ownKafka(t, { properties, features: { 'transaction.version': level } });
    if (kafka === undefined) return;
    const { log } = await open(t, kafka.url);
    const load = new Load(log, { startsOverWhenFenced: level === 0 });
    await load.start();
    await load.goesOn();
    await kafka.kill();
    await kafka.restart();
    await load.goesOn();
    await kafka.restart();
    await load.goesOn();
    await load.finish();
    await (level === 2 ? timesOut : timesOutAndIsFenced)(t, kafka);
    await endsWithoutBroker(t, kafka);
  });
}

test('each record is appended once and in order while leaders and coordinators move', {
  timeout: 120_000,
}, async (t) => {
  const kafka = await ownKafka(t, { brokers: 2, properties });
  if (kafka === undefined) return;
  const { log } = await open(t, kafka.url, 'replication=2');
  const load = new Load(log);
  await load.start();
  await load.goesOn();
  await kafka.members[1]?.kill();
  await load.goesOn();
  await kafka.members[1]?.start();
  await load.goesOn();
  await load.finish();
});

/** A transaction that has taken too long is aborted by the brokers; its producer goes on, unless another has taken over. */
async function timesOut(t: ServerTest, kafka: KafkaServer): Promise<void> {
  const { log, producer, begin } = await openSlow(t, kafka);
  await begin('late');
  await assert.rejects(producer.commit(), hasCode('MR_LOG_TRANSACTION_ABORTED'));
  // On a slow machine this is late as well, and aborted.
  await eventually('a transaction in time', async () => {
    producer.append('out', 0, [record('in time')]);
    return producer.commit().then(
      () => true,
      (error: unknown) => {
        assert.equal(errorCode(error), 'MR_LOG_TRANSACTION_ABORTED');
        return false;
      },
    );
  });
  await begin('late again');
  const heir = await log.transactionalProducer('slow');
  await assert.rejects(producer.commit(), hasCode('MR_LOG_FENCED'));
  await assert.rejects(producer.commit(), hasCode('MR_LOG_FENCED'), 'for good');
  heir.append('out', 0, [record('of the heir')]);
  await heir.commit();
  await producer.close();
  assert.deepEqual(await readAll(log, 'out'), [['in time', 'of the heir']]);
}

/** Before version 2 the brokers fence its producer, as if it had been replaced: a new one of the same name goes on. */
async function timesOutAndIsFenced(t: ServerTest, kafka: KafkaServer): Promise<void> {
  const { log, producer, begin } = await openSlow(t, kafka);
  await begin('late');
  await assert.rejects(producer.commit(), hasCode('MR_LOG_FENCED'));
  await producer.close();
  const heir = await log.transactionalProducer('slow');
  heir.append('out', 0, [record('of the heir')]);
  await heir.commit();
  assert.deepEqual(await readAll(log, 'out'), [['of the heir']]);
}

/** A producer whose transactions may take 300 ms; `begin` writes one that takes longer. */
async function openSlow(t: ServerTest, kafka: KafkaServer) {
  const { log, cluster } = await open(t, kafka.url);
  await log.createTopics([{ name: 'out', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } }]);
  const nobody = { member: () => ({ memberId: '', generation: -1, instanceId: null }) };
  const producer = await openTransactionalProducer(cluster, nobody, 'slow', 300);
  const begin = async (value: string) => {
    const offsetsOf = async () => (await log.describeTopics(['out']))[0]?.offsets[0];
    const before = await offsetsOf();
    producer.append(
      'out',
      0,
      Array.from({ length: 3000 }, (_, i) => record(`${value} ${i}`.padEnd(100))),
    );
    await eventually('it is there, and aborted', async () => {
      const offsets = await offsetsOf();
      return offsets !== undefined && offsets.stable !== before?.stable && offsets.stable === offsets.end;
    });
  };
  return { log, producer, begin };
}

test('a broker that fails while it fences a producer is asked again, and the commit is refused as fenced', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const { log, cluster } = await open(t, kafka.url);
  const protocol = await transactionProtocol(cluster);
  let failures = 2;
  const end: TransactionProtocol['end'] = async (...request) => {
    if (failures-- > 0) throw new BrokerError('UNKNOWN_SERVER_ERROR', 'EndTxn');
    return protocol.end(...request);
  };
  const coordinator = new TransactionCoordinator(cluster, {
    transactionalId: 'id',
    protocol: { ...protocol, end },
    purpose: cluster.newPurpose('transactions'),
    producePurpose: cluster.newPurpose('transactional-produce'),
    timeoutMs: 10_000,
    signal: cluster.signal,
  });
  const identity = await coordinator.initProducerId();
  await log.transactionalProducer('id');
  await assert.rejects(coordinator.commit(identity), (error) => isLost(error));
  assert.equal(failures, -1);
});

test('a transaction that names a topic which is gone is refused, and the next one is not', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const { log, cluster } = await open(t, kafka.url);
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  await log.createTopics(['stays', 'goes'].map((name) => ({ name, partitions: 1, cleanup })));
  const nobody = { group: 'readers', memberId: '', generation: -1 };
  const producer = await log.transactionalProducer('id');
  const refused = hasCode('MR_LOG_UNKNOWN_TOPIC');
  for (const at of [
    { topic: 'never was', partition: 0, offset: 1 },
    { topic: 'stays', partition: 1, offset: 1 },
  ]) {
    producer.append('stays', 0, [record('dropped')]);
    producer.sendOffsets(nobody, [at]);
    await assert.rejects(producer.commit(), refused);
  }
  producer.append('goes', 0, [record('before')]);
  await producer.commit();
  // This client learns of it from the brokers only.
  const remover = new KafkaLog(new Cluster(cluster.options, { clock: systemClock, random: Math.random }));
  await remover.deleteTopics(['goes']);
  await remover.close();
  for (const begin of [
    () => producer.append('goes', 0, [record('late')]),
    () => producer.sendOffsets(nobody, [{ topic: 'goes', partition: 0, offset: 1 }]),
  ]) {
    producer.append('stays', 0, [record('dropped')]);
    begin();
    await assert.rejects(producer.commit(), refused);
  }
  producer.append('stays', 0, [record('kept')]);
  await producer.commit();
  assert.deepEqual(await readAll(log, 'stays'), [['kept']]);
  assert.deepEqual(await log.committedOffsets('readers', [{ topic: 'stays', partition: 0 }]), [undefined]);
  await log.deleteTopics(['stays']);
});

test('a record that is too large for its topic is refused alone, and so is its transaction', async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const { log, cluster } = await open(t, kafka.url);
  await log.createTopics([
    { name: 'small', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } },
  ]);
  const entity = ['--entity-type', 'topics', '--entity-name', cluster.prefixed('small')];
  await kafka.run('kafka-configs', ['--alter', ...entity, '--add-config', 'max.message.bytes=1000']);
  const producer = await log.producer();
  const large = 'x'.repeat(2000);
  const values = ['a', large, 'b', 'c', large, 'd'.repeat(600), 'e'.repeat(600)];
  const appended = await Promise.allSettled(
    values.map((value) => producer.append('small', 0, [record(value)])),
  );
  assert.deepEqual(
    appended.map((each) => (each.status === 'rejected' ? errorCode(each.reason) : 'ok')),
    values.map((value) => (value === large ? 'MR_RECORD_TOO_LARGE' : 'ok')),
  );
  const transactional = await log.transactionalProducer('small');
  transactional.append('small', 0, [record('with it')]);
  transactional.append('small', 0, [record(large)]);
  await assert.rejects(transactional.commit(), hasCode('MR_RECORD_TOO_LARGE'));
  transactional.append('small', 0, [record('after it')]);
  await transactional.commit();
  await producer.append('small', 0, [record('last')]);
  assert.deepEqual(await readAll(log, 'small'), [
    [...values.filter((value) => value !== large), 'after it', 'last'],
  ]);
  await log.deleteTopics(['small']);
});

/** A commit that nobody answers is not given up before its producer is, and that does not wait for the broker. */
async function endsWithoutBroker(t: ServerTest, kafka: KafkaServer): Promise<void> {
  const { log } = await open(t, kafka.url);
  await log.createTopics([{ name: 'out', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } }]);
  const [committing, gathering] = await Promise.all(['a', 'b'].map((id) => log.transactionalProducer(id)));
  committing?.append('out', 0, [record('a')]);
  await committing?.commit();
  gathering?.append('out', 0, [record('b')]);
  await kafka.kill();
  committing?.append('out', 0, [record('c')]);
  const commit = committing?.commit().then(
    () => 'committed',
    (error: unknown) => errorCode(error),
  );
  await Promise.all([committing?.close(), gathering?.close()]);
  await log.close();
  assert.equal(await commit, 'MR_LOG_CLOSED');
}
