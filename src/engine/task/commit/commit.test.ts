import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog, type Producer, type SimulatedLog, type TransactionalProducer } from '#log';
import { RetryableError, systemClock } from '#platform';
import { altered, Load, sumsRuntime } from '../testing/sums.ts';

const open = () => openSimulatedLog({ clock: systemClock, random: Math.random });

/** A log whose producers write down what is asked of them, in order of completion. */
function watched(log: SimulatedLog, events: string[]): SimulatedLog {
  const note = <T>(event: string, result: T): T => {
    events.push(event);
    return result;
  };
  const plain = (producer: Producer) =>
    altered(producer, {
      append: async (topic, partition, records) =>
        note(`append ${topic}`, await producer.append(topic, partition, records)),
    });
  const transactional = (producer: TransactionalProducer) =>
    altered(producer, { commit: async () => note('transaction', await producer.commit()) });
  return altered(log, {
    producer: async () => plain(await log.producer()),
    transactionalProducer: async (id) => transactional(await log.transactionalProducer(id)),
    commitOffsets: async (group, offsets) => note('offsets', await log.commitOffsets(group, offsets)),
  });
}

it('at least once: outputs and changelog are acknowledged before the offsets are committed, without transactions', async () => {
  const log = open();
  const load = await Load.open(log);
  await load.write(100);
  const events: string[] = [];
  const guarantee = 'at-least-once';
  const runtime = await sumsRuntime({
    log: watched(log, events),
    clock: systemClock,
    instanceId: 'a',
    guarantee,
  });
  await runtime.start();
  await runtime.runUntilCaughtUp(5);
  await load.readAll();
  load.assertExact();
  assert.ok(!events.includes('transaction'));
  const firstOffsets = events.indexOf('offsets');
  const before = new Set(events.slice(0, firstOffsets));
  assert.ok(
    before.has('append output') && [...before].some((event) => event.endsWith('changelog')),
    events.join(),
  );
  await runtime.close();
  await load.close();
  await log.close();
});

it('at least once: what was sent when the offsets could not be committed comes again, and nothing is lost', async () => {
  const log = open();
  const load = await Load.open(log);
  await load.write(100);
  let failures = 1;
  const failing = altered(log, {
    commitOffsets: async (group, offsets) => {
      if (failures-- > 0) throw new RetryableError('MR_LOG_UNAVAILABLE', 'away for a moment');
      return log.commitOffsets(group, offsets);
    },
  });
  const guarantee = 'at-least-once';
  const runtime = await sumsRuntime({ log: failing, clock: systemClock, instanceId: 'a', guarantee });
  await runtime.start();
  await runtime.runUntilCaughtUp(5);
  await load.readAll();
  assert.ok(failures < 0, 'the fault was met');
  assert.ok(load.outputs.length > load.written, 'some outputs came twice');
  const keys = new Set(load.outputs.map(([key]) => key));
  assert.equal(keys.size, 50);
  await runtime.close();
  await load.close();
  await log.close();
});
