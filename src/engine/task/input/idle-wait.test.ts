import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Log, openSimulatedLog } from '#log';
import { ManualClock } from '#platform/testing';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import { jsonTopic } from '../../testing/json-topic.ts';
import { TopicReader } from '../../topic-reader.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { RuntimeOptions } from '../runtime-options.ts';
import { altered, Elapsing } from '../testing/sums.ts';

const COMMIT_MS = 100;
const [a, b, merged] = [jsonTopic<string>('a'), jsonTopic<string>('b'), jsonTopic<string>('merged')];

function topology() {
  const builder = new TopologyBuilder({ name: 'merge', generation: 1 });
  builder.source(a).merge(builder.source(b)).to(merged);
  return builder.build();
}

/** A runtime over two inputs on virtual time. */
async function open(options: Partial<RuntimeOptions>) {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  const log = openSimulatedLog({ clock, random: () => 0 });
  await elapse.of(log.createTopics([a, b, merged]));
  let polls = 0;
  const counting: Log = altered(log, {
    consumer: async (more) => {
      const consumer = await log.consumer(more);
      const poll = (timeoutMs: number) => {
        polls++;
        return consumer.poll(timeoutMs);
      };
      return altered(consumer, { poll });
    },
  });
  const databases = memoryDatabases();
  const launch = () =>
    elapse.launch(counting as typeof log, 'one', {
      topology: topology(),
      databases,
      commitIntervalMs: COMMIT_MS,
      ...options,
    });
  const write = async (topic: typeof a, value: string, timestamp: number) => {
    const writer = await elapse.of(TopicWriter.open(log, topic));
    await elapse.of(writer.write([{ key: 'k', value, timestamp }]));
    await elapse.of(writer.close());
  };
  const reader = await elapse.of(TopicReader.open(log, merged, { from: 'start' }));
  const read = async () => (await elapse.of(reader.poll(0))).map(({ value }) => value);
  const settled = async (instance: Awaited<ReturnType<typeof launch>>) => {
    await elapse.until(() => instance.runtime.isCaughtUp);
    return read();
  };
  const close = async () => {
    await elapse.of(reader.close());
    await elapse.of(log.close());
  };
  return { clock, elapse, launch, write, read, settled, close, polls: () => polls };
}

it('by default a record is processed although the other input is empty', async () => {
  const { launch, write, settled, elapse, close } = await open({});
  const one = await launch();
  await write(a, 'later', 10);
  assert.deepEqual(await settled(one), ['later']);
  await write(b, 'earlier', 5);
  assert.deepEqual(await settled(one), ['earlier']);
  await elapse.stop(one);
  await close();
});

it('a record waits for the other input, and comes behind an earlier one that arrives meanwhile', async () => {
  const { clock, launch, write, read, settled, elapse, close } = await open({ idleWaitMs: 2_000 });
  const one = await launch();
  await write(a, 'later', 10);
  await clock.advance(1_500);
  assert.deepEqual(await read(), []);
  assert.equal(one.runtime.isCaughtUp, false);
  await write(b, 'earlier', 5);
  assert.deepEqual(await settled(one), ['earlier', 'later']);
  await elapse.stop(one);
  await close();
});

it('the wait is bounded, runs from when the input became empty, and is no busy one', async () => {
  const { clock, launch, write, read, elapse, close, polls } = await open({ idleWaitMs: 2_000 });
  const one = await launch();
  await write(a, 'first', 10);
  await write(b, 'second', 20);
  await clock.advance(1_900);
  // Since `a` became empty, which is when its record was processed.
  assert.deepEqual(await read(), ['first']);
  await clock.advance(200);
  assert.deepEqual(await read(), ['second']);
  await clock.advance(1_000);
  await write(a, 'third', 30);
  const before = polls();
  await clock.advance(700);
  assert.deepEqual(await read(), [], 'b has been empty for about 1,800 ms');
  assert.ok(polls() - before < 20, `${polls() - before} polls`);
  await clock.advance(500);
  assert.deepEqual(await read(), ['third']);
  await clock.advance(5_000);
  await write(a, 'fourth', 40);
  await clock.advance(COMMIT_MS + 1);
  assert.deepEqual(await read(), ['fourth'], 'b has been empty for long');
  await elapse.stop(one);
  await close();
});

it('what waits when a process stops is processed once, by the next one', async () => {
  const { clock, launch, write, read, settled, elapse, close } = await open({ idleWaitMs: 2_000 });
  const first = await launch();
  await write(a, 'later', 10);
  await clock.advance(1_000);
  await elapse.stop(first);
  assert.deepEqual(await read(), []);
  await write(b, 'earlier', 5);
  const second = await launch();
  assert.deepEqual(await settled(second), ['earlier', 'later']);
  await clock.advance(10_000);
  assert.deepEqual(await read(), []);
  await elapse.stop(second);
  await close();
});
