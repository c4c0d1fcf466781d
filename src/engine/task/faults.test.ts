import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { createMetrics, FatalError, RetryableError } from '#platform';
import { ManualClock } from '#platform/testing';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import { altered, Elapsing, Load, launch, PARTITIONS } from './testing/sums.ts';

function world() {
  const clock = new ManualClock(1_000_000);
  return { clock, elapse: new Elapsing(clock), log: openSimulatedLog({ clock, random: Math.random }) };
}

const unavailable = () => new RetryableError('MR_LOG_UNAVAILABLE', 'away for a moment');

it('a log that fails appends for a while loses and repeats nothing, and ends no process', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const metrics = createMetrics();
  const a = await elapse.launch(log.connect(), 'a', { metrics });
  for (let round = 0; round < 5; round++) {
    await elapse.of(load.write(100));
    log.faults.failNextAppends(3);
    while (load.outputs.length < load.written) await elapse.of(load.read(10));
  }
  await elapse.of(load.readAll());
  load.assertExact();
  assert.match(await metrics.render(), /engine_retries_total\{reason="MR_LOG_UNAVAILABLE"\} \d/);
  await elapse.stop(a);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a commit that has happened although it failed is not done again', async () => {
  const { clock, elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const process = log.connect();
  let failures = 3;
  const unsure = altered(process, {
    transactionalProducer: async (id) => {
      const producer = await process.transactionalProducer(id);
      return altered(producer, {
        commit: async () => {
          const appended = await producer.commit();
          if (failures-- > 0) throw unavailable();
          return appended;
        },
      });
    },
  });
  const a = await elapse.of(launch({ log: unsure, clock, instanceId: 'a' }));
  // As many commits as faults at least.
  for (let round = 0; round < 4; round++) {
    await elapse.of(load.write(50));
    await elapse.of(load.readAll());
  }
  load.assertExact();
  assert.ok(failures <= 0, 'the faults were met');
  await elapse.stop(a);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a fault that does not pass ends the process after some minutes', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const a = await elapse.launch(log.connect(), 'a');
  await elapse.until(() => a.runtime.tasks.length === PARTITIONS);
  await elapse.of(load.write(10));
  log.faults.failNextAppends(Number.POSITIVE_INFINITY);
  const began = elapse.clock.now();
  while (a.failure() === undefined) await elapse.clock.advance(1_000);
  assert.ok(elapse.clock.now() - began > 120_000, 'it was patient');
  assert.ok(a.failure() instanceof RetryableError);
  log.faults.failNextAppends(0);
  await elapse.of(load.close());
  await elapse.of(log.close());
});

it('a processor’s own fatal error is not tried again', async () => {
  const { elapse, log } = world();
  const load = await elapse.of(Load.open(log));
  const databases = memoryDatabases();
  const gone = () => Promise.reject(new FatalError('MR_TEST_BROKEN', 'the disk is gone'));
  const broken = altered(databases, {
    open: async (name) => altered(await databases.open(name), { getMany: gone }),
  });
  const a = await elapse.launch(log.connect(), 'a', { databases: broken });
  await elapse.of(a.running);
  assert.match(String(a.failure()), /the disk is gone/);
  await elapse.of(load.close());
  await elapse.of(log.close());
});
