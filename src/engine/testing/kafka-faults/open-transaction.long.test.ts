/** A process dies in the middle of a transaction, and another takes its name. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PartitionOffsets } from '#log';
import { systemClock } from '#platform';
import { kafkaServer } from '#servers';
import { GROUP, output, PARTITIONS } from '../../task/testing/sums.ts';
import type { SumsWorld } from '../../task/threads/testing/sums-world.ts';
import { openOnKafka } from './kafka-world.ts';

/** When the brokers abort what nobody ends. */
const ABORTED_MS = 10_000;

it('what a dead process has left open is aborted by its successor, and never read', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka, { defaults: { threads: 1, standbys: 0 } });
  for (const failpoint of ['kafka.transaction.appended', 'kafka.transaction.offsets']) {
    const victim = world.launch('one', { failpoints: `${failpoint}=kill@3` });
    assert.deepEqual(await victim.exit, [null, 'SIGKILL']);
    const died = systemClock.monotonic();
    const left = await outputOffsets(world);
    const isHeldUp = left.some(({ stable, end }) => stable < end);
    // On a slow machine the brokers may have aborted it by now.
    const isLate = systemClock.monotonic() - died > ABORTED_MS / 2;
    assert.ok(isHeldUp || isLate, `${failpoint}: the transaction is open`);
    await world.load.readToEnd();
    const successor = await world.running('one');
    // Long before the brokers would do it by themselves: whoever waits for the successor finds it done.
    const taken = await outputOffsets(world);
    for (const [partition, { end }] of left.entries()) {
      assert.ok((taken[partition]?.stable ?? 0) >= end, `${failpoint}: ${output.name}/${partition} is free`);
    }
    await world.goesOn([successor]);
    await successor.stop();
  }
  const last = await world.running('one');
  await world.assertExact([last], ['one']);
  assert.ok((await countUncommitted(world)) > world.load.written, 'what was aborted is in the log');
});

it('what a dead process has left open is aborted by the brokers where nobody takes its name', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka, { defaults: { threads: 1, standbys: 0 } });
  const victim = world.launch('one', { failpoints: 'kafka.transaction.offsets=kill@3' });
  assert.deepEqual(await victim.exit, [null, 'SIGKILL']);
  const id = `${world.prefix}${GROUP}-one-0`;
  const described = await kafka.run('kafka-transactions', ['describe', '--transactional-id', id]);
  // Columns by their names: who takes over the tasks waits for no longer than this.
  const [names = [], values = []] = described.split('\n').map((line) => line.trim().split(/\s+/));
  // Where the tool takes longer than that to start, the brokers have been quicker.
  assert.match(values[names.indexOf('TransactionState')] ?? '', /^(Ongoing|PrepareAbort|CompleteAbort)$/);
  assert.equal(values[names.indexOf('TransactionTimeoutMs')], `${ABORTED_MS}`);
  const heir = await world.running('two');
  await world.assertExact([heir], ['two']);
});

async function outputOffsets({ log }: SumsWorld): Promise<readonly PartitionOffsets[]> {
  const [description] = await log.describeTopics([output.name]);
  return description?.offsets ?? [];
}

/** Counts the output records, committed or not. */
async function countUncommitted(world: SumsWorld): Promise<number> {
  const consumer = await world.log.consumer({ isolation: 'read-uncommitted' });
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: output.name, partition }));
  consumer.assign(places.map((place) => ({ ...place, offset: 0 })));
  let count = 0;
  do for (const batch of await consumer.poll(100)) count += batch.count;
  while (places.some((place) => consumer.position(place) !== consumer.end(place)));
  await consumer.close();
  // One was put behind each partition for Java's consumer.
  return count - PARTITIONS;
}
