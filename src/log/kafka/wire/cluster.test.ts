import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Clock, errorCode, systemClock } from '#platform';
import { Cluster } from './cluster.ts';
import { errorName } from './kafka-errors.ts';
import { type Address, parseKafkaUrl } from './kafka-options.ts';
import { TellingBroker } from './testing/telling-broker.ts';

const dead: Address = { host: '127.0.0.1', port: 1 };

function open(t: TestContext, addresses: readonly Address[], clock: Clock = systemClock): Cluster {
  const hosts = addresses.map(({ host, port }) => `${host}:${port}`).join();
  const cluster = new Cluster(parseKafkaUrl(`kafka://${hosts}`), { clock, random: Math.random });
  t.after(() => cluster.close());
  return cluster;
}

test('the first broker that can be reached is enough, and remembered', async (t) => {
  const broker = await TellingBroker.start(t);
  const cluster = open(t, [dead, broker.address, dead]);
  await Promise.all([cluster.refresh([]), cluster.refresh(['a']), cluster.refresh(['b'])]);
  assert.equal(cluster.clusterId, 'cluster');
  const connection = await cluster.anyBroker();
  assert.equal(connection.port, broker.address.port);
  assert.equal(await cluster.anyBroker(), connection);
});

test('a broker that takes requests and answers none is left for another', async (t) => {
  const [silent, other] = [await TellingBroker.start(t), await TellingBroker.start(t)];
  silent.isSilent = true;
  const cluster = open(t, [silent.address, other.address], {
    ...systemClock,
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
  });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let isDone = false;
  const refreshing = cluster.refresh([]).then(() => {
    isDone = true;
  });
  while (!isDone) {
    t.mock.timers.tick(1_000);
    await new Promise(setImmediate);
  }
  await refreshing;
  assert.equal((await cluster.anyBroker()).port, other.address.port);
});

test('a broker is found where it has moved to', async (t) => {
  const [first, second] = [await TellingBroker.start(t), await TellingBroker.start(t)];
  first.brokers = new Map([[7, first.address]]);
  second.brokers = new Map([[7, second.address]]);
  const cluster = open(t, [first.address, second.address]);
  await cluster.refresh([]);
  const before = await cluster.connection(7, 'x');
  assert.equal(before.port, first.address.port);
  first.stop();
  await cluster.refresh([]);
  assert.equal((await cluster.connection(7, 'x')).port, second.address.port);
});

test('a broker that is gone is not looked for where it was', async (t) => {
  const [first, second] = [await TellingBroker.start(t), await TellingBroker.start(t)];
  first.brokers = new Map([
    [1, first.address],
    [2, second.address],
  ]);
  const cluster = open(t, [first.address]);
  await cluster.refresh([]);
  await cluster.connection(2, 'x');
  first.brokers = new Map([[1, first.address]]);
  await cluster.refresh([]);
  await assert.rejects(cluster.connection(2, 'x'), (error) => errorName(error) === 'BROKER_NOT_AVAILABLE');
});

test('closing ends what waits', { timeout: 120_000 }, async (t) => {
  const silent = await TellingBroker.start(t);
  silent.isSilent = true;
  const cluster = open(t, [silent.address]);
  const asking = [cluster.refresh([]), cluster.topicNames(), cluster.coordinator('group', 'g')];
  const closed = asking.map((each) => assert.rejects(each, (error) => errorCode(error) === 'MR_LOG_CLOSED'));
  await cluster.anyBroker();
  await cluster.close();
  await Promise.all(closed);
  await assert.rejects(cluster.refresh([]), (error) => errorCode(error) === 'MR_LOG_CLOSED');
  while (silent.sockets.size > 0) await new Promise(setImmediate);
});
