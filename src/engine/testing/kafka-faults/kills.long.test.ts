/** Processes on Kafka killed (SIGKILL) under load. */
import { it } from 'node:test';
import { kafkaServer } from '#servers';
import { killedInTurn } from '../../task/threads/testing/faults.ts';
import { openOnKafka } from './kafka-world.ts';

const KILLS = 20;

it('kill -9 twenty times under load loses and repeats nothing', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka, { defaults: { threads: 1 } });
  const processes = await killedInTurn(t, world, ['one', 'two'], KILLS);
  await world.assertExact(processes, ['one', 'two']);
});
