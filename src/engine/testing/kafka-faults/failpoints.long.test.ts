/** A process on Kafka killed (SIGKILL) at each step of commit, restore and assignment, and of a transaction of Kafka's. */

import { it } from 'node:test';
import { TRANSACTION_FAILPOINTS } from '#log';
import { kafkaServer } from '#servers';
import { killedAtEveryStep } from '../../task/threads/testing/faults.ts';
import { openOnKafka } from './kafka-world.ts';

it('kill -9 at every failpoint, under load, loses and repeats nothing', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka);
  await killedAtEveryStep(world, TRANSACTION_FAILPOINTS);
  const processes = [await world.running('steady'), await world.running('victim')];
  await world.assertExact(processes, ['steady', 'victim']);
});
