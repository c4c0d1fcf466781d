import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TopicWriter } from '#engine';
import { jsonTopic } from '#engine/testing';
import { openSimulatedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { progressOf } from './archive-progress.ts';
import { TopicIntake } from './topic-intake.ts';

it('cuts as many records as requested, also more than a call takes arguments', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 1 });
  t.after(() => log.close());
  const topic = jsonTopic<number>('numbers');
  await log.createTopics([topic]);
  const writer = await TopicWriter.open(log, topic);
  const numbers = Array.from({ length: 150_010 }, (_, n) => n);
  for (let at = 0; at < numbers.length; at += 50_000) {
    const values = numbers.slice(at, at + 50_000);
    await writer.write(values.map((value) => ({ key: 'k', value, timestamp: value })));
  }
  await writer.close();
  const intake = await TopicIntake.open({
    log,
    logger: createLogger({ level: 'silent', name: 'test' }),
    topic,
    from: progressOf([0], [0], [Number.NEGATIVE_INFINITY]),
    partitionRecords: 150_000,
    onUndecodable: assert.fail,
  });
  await intake.read(new AbortController().signal);
  assert.deepEqual(
    [intake.cut(), intake.cut()].map(({ records }) => records.map(({ value }) => value)),
    [numbers.slice(0, 150_000), numbers.slice(150_000)],
  );
  await intake.close();
});
