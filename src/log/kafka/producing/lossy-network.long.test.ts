import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '@platformatic/kafka';
import { systemClock } from '#platform';
import { kafkaServer, ownKafka, type ServerTest } from '#servers';
import { KafkaLog } from '../kafka-log.ts';
import { Cluster } from '../wire/cluster.ts';
import { parseKafkaUrl } from '../wire/kafka-options.ts';
import { Load } from './testing/load.ts';

/** The requests of producers. */
const PRODUCE = 0;
const ADD_PARTITIONS = 24;
const ADD_OFFSETS = 25;
const END = 26;
const COMMIT_OFFSETS = 28;
const ALL = [PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, END, COMMIT_OFFSETS];

/** Breaks connections when a producer's request was sent: whether it has arrived, and what came of it, nobody hears. */
class LossyCluster extends Cluster {
  share = 0.05;
  readonly lost = new Map<number, number>();
  readonly #known = new WeakSet<Connection>();

  override async connection(broker: number, purpose: string): Promise<Connection> {
    const connection = await super.connection(broker, purpose);
    if (this.#known.has(connection)) return connection;
    this.#known.add(connection);
    const send = connection.send.bind(connection);
    connection.send = (key, ...request) => {
      send(key, ...request);
      if (!ALL.includes(key) || this.random() >= this.share) return;
      this.lost.set(key, (this.lost.get(key) ?? 0) + 1);
      // Now and then only when the broker has had the time to do it.
      if (this.random() < 0.5) void this.clock.sleep(1).then(() => connection.socket.destroy());
      else connection.socket.destroy();
    };
    return connection;
  }
}

/** Until answers to each of `requests` have been lost, and to no others. */
async function losing(t: ServerTest, url: string, requests: readonly number[]): Promise<void> {
  const options = parseKafkaUrl(`${url}?prefix=lossy-${process.pid}.`);
  const cluster = new LossyCluster(options, { clock: systemClock, random: Math.random });
  const log = new KafkaLog(cluster);
  t.after(() => log.close());
  await cluster.refresh([]);
  const load = new Load(log);
  await load.start();
  do await load.goesOn(20);
  while (requests.some((key) => (cluster.lost.get(key) ?? 0) < 5));
  cluster.share = 0;
  await load.finish();
  const lost = [...cluster.lost.keys()].sort((a, b) => a - b);
  assert.deepEqual(lost, requests);
  await log.deleteTopics(['plain', 'committed']);
}

test('each record is appended once and in order when answers are lost', { timeout: 240_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka !== undefined) await losing(t, kafka.url, [PRODUCE, END, COMMIT_OFFSETS]);
});

test('so it is with the transactions of Kafka 3', { timeout: 240_000 }, async (t) => {
  const kafka = await ownKafka(t, { features: { 'transaction.version': 0 } });
  if (kafka !== undefined) await losing(t, kafka.url, ALL);
});
