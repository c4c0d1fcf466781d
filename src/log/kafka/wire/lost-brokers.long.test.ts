import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { ownKafka } from '#servers';
import type { Log, Membership } from '../../port.ts';
import { openKafkaLog } from '../kafka-log.ts';
import { Load } from '../producing/testing/load.ts';
import { parseKafkaUrl } from './kafka-options.ts';

/** So that the loss of a broker is noticed within a test. */
const properties = { 'broker.heartbeat.interval.ms': 300, 'broker.session.timeout.ms': 5_000 };

/** Follows what is committed, and the rounds of a group in which it is alone, until it is told to stop. */
class Follower {
  readonly values: string[][] = [[], []];
  generations = 0;
  #isOver = false;
  readonly #log: Log;
  #work: Promise<unknown> = Promise.resolve();

  constructor(log: Log) {
    this.#log = log;
  }

  start(): void {
    this.#work = Promise.all([this.#read(), this.#stayMember()]);
    this.#work.catch(() => {});
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #read(): Promise<void> {
    const consumer = await this.#log.consumer();
    const at = [0, 1].map((partition) => ({ topic: 'committed', partition, offset: 0 }));
    consumer.assign(at);
    const isAtEnd = () => at.every((place) => consumer.position(place) === consumer.end(place));
    let batches: Awaited<ReturnType<typeof consumer.poll>> = [];
    do {
      batches = await consumer.poll(200);
      for (const batch of batches)
        for (let i = 0; i < batch.count; i++) this.values[batch.partition]?.push(`${batch.value(i)}`);
    } while (!this.#isOver || batches.length > 0 || !isAtEnd());
    await consumer.close();
  }

  async #stayMember(): Promise<void> {
    const join = () =>
      this.#log.joinGroup({
        group: 'followers',
        metadata: Buffer.alloc(0),
        sessionTimeoutMs: 60_000,
        assign: (members) => new Map(members.map(({ memberId }) => [memberId, Buffer.alloc(0)])),
      });
    let member: Membership = await join();
    for (let offset = 0; !this.#isOver; offset++) {
      const answer = await member.heartbeat();
      if (answer !== 'stable')
        member = answer === 'rebalance' ? await member.rejoin(Buffer.alloc(0)) : await join();
      this.generations = member.generation;
      await this.#log.commitOffsets(member, [{ topic: 'committed', partition: 0, offset }]);
      await systemClock.sleep(20);
    }
    await member.leave();
  }
}

test('everything goes on while a broker is lost and comes back', {
  timeout: 180_000,
}, async (t) => {
  const kafka = await ownKafka(t, { brokers: 3, properties });
  if (kafka === undefined) return;
  // Nobody listens at the first address.
  const url = `kafka://127.0.0.1:1,${kafka.brokers}?replication=3`;
  const log = await openKafkaLog(parseKafkaUrl(url), { clock: systemClock, random: Math.random });
  const load = new Load(log);
  await load.start();
  const described = await kafka.run('kafka-topics', ['--describe', '--topic', 'committed']);
  assert.match(described, /PartitionCount: 2\s+ReplicationFactor: 3/);
  const follower = new Follower(log);
  follower.start();
  await load.goesOn();
  await kafka.members[2]?.kill();
  await load.goesOn();
  await kafka.members[2]?.start();
  await load.goesOn();
  await load.finish();
  await follower.finish();
  assert.deepEqual(follower.values, load.expected);
  assert.equal(follower.generations, 1, 'the member was never thrown out');
  await log.close();
  await eventually(() => openSockets() <= 0);
  await assert.rejects(log.producer(), (error) => errorCode(error) === 'MR_LOG_CLOSED');
});

const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
