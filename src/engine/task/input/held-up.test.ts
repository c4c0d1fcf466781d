import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { RetryableError } from '#platform';
import { ManualClock } from '#platform/testing';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { altered, Elapsing, launch } from '../testing/sums.ts';

it('a record whose schema can’t be fetched keeps the member in its group, and says so until it can', {
  timeout: 120_000,
}, async () => {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  const log = openSimulatedLog({ clock, random: Math.random });
  let isLoaded = false;
  const registry = Promise.withResolvers<void>();
  const value = {
    ...json<number>(),
    decodeAt: (bytes: Buffer, start: number, end: number) => {
      if (!isLoaded) throw new RetryableError('MR_SCHEMA_NOT_LOADED', 'new');
      return Number(bytes.toString('utf8', start, end));
    },
    prepare: async () => {
      await registry.promise;
      isLoaded = true;
    },
  };
  const topic = jsonTopic<number>('numbers', 1, value);
  await elapse.of(log.createTopics([topic]));
  const builder = new TopologyBuilder({ name: 'counts', generation: 1 });
  builder.source(topic).count('count', { value: json<number>() });
  let joins = 0;
  const joining = altered(log, {
    joinGroup: (options) => {
      joins++;
      return log.joinGroup(options);
    },
  });
  const said: (string | undefined)[] = [];
  const launched = launch({
    log: joining,
    clock,
    instanceId: 'a',
    topology: builder.build(),
    sessionTimeoutMs: 10_000,
    onHeldUp: (why) => void said.push(why),
  });
  const member = await elapse.of(launched);
  await elapse.until(() => member.runtime.tasks.length === 1);
  const writer = await elapse.of(TopicWriter.open(log, topic));
  await elapse.of(writer.write([{ key: 'a', value: 1, timestamp: 1 }]));
  await elapse.until(() => said.length > 0);
  assert.match(said[0] ?? '', /^task numbers-0 has waited 1 s/);
  await clock.advance(35_000);
  registry.resolve();
  await elapse.until(() => said.at(-1) === undefined);
  await elapse.until(() => member.runtime.isCaughtUp);
  assert.equal(joins, 1);
  assert.deepEqual([...(member.runtime.tasks[0]?.operators() ?? [])][0]?.rejected, {});
  await elapse.stop(member);
  await elapse.of(log.close());
});
