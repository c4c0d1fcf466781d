/** Processes with two threads and standbys come and go. */
import { it } from 'node:test';
import { kafkaServer } from '#servers';
import { PARTITIONS } from '../../task/testing/sums.ts';
import { until } from '../../task/threads/testing/sums-process.ts';
import { openOnKafka } from './kafka-world.ts';

const TIMES = 2;

it('scaling out and in under load loses and repeats nothing', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka);
  let [stays, comes] = ['one', 'two'];
  let first = await world.running(stays);
  for (let time = 0; time < TIMES; time++) {
    const second = await world.running(comes);
    const both = [first, second];
    await until(both, async () => {
      const counts = await Promise.all(both.map((each) => each.runningTasks()));
      return counts.every((count) => count === PARTITIONS / 2);
    });
    await world.goesOn(both);
    await first.stop();
    await until([second], async () => (await second.runningTasks()) === PARTITIONS);
    await world.goesOn([second]);
    first = second;
    [stays, comes] = [comes, stays];
  }
  await world.assertExact([first], ['one', 'two']);
});
