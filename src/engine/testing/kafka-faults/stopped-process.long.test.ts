/** A process on Kafka that is stopped for longer than its session. */
import { it } from 'node:test';
import { kafkaServer } from '#servers';
import { standsStill } from '../../task/threads/testing/faults.ts';
import { openOnKafka } from './kafka-world.ts';

/** It may have been stopped in a transaction, which the brokers let be for a while. */
const PATIENCE_MS = 120_000;

it('a process that stands still beyond its session is fenced', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka);
  await world.assertExact(await standsStill(world, PATIENCE_MS), ['steady', 'zombie']);
});
