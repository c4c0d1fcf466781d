import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { Log } from '#log';
import { armFailpoints, disarmFailpoints } from '#platform';
import type { Serde, Topic } from '../serde.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopicReader } from '../topic-reader.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import type { Topology } from '../topology/topology.ts';
import { placesOf } from '../verify/journal-reader.ts';
import { compareTaskWithRebuild } from '../verify/rebuild.ts';
import { caughtUp, World } from '../verify/testing/world.ts';
import { verifyTask } from '../verify/verify.ts';
import { CARRY_OVER_FAILPOINTS, type CarryOverOptions, carryOver } from './carry-over.ts';
import { acceptedGenerations } from './earlier-generations.ts';
import type { RuntimeOptions } from './runtime-options.ts';

const input = jsonTopic<number>('input', 2);
const output = jsonTopic<unknown>('output', 2);

type Shape = { readonly count?: string; readonly value?: Serde<number> };

/** Counts by key, written to a topic, and by the key's first letter after a repartition topic. */
function counting(generation: number, { count = 'count', value = json<number>() }: Shape = {}): Topology {
  const builder = new TopologyBuilder({ name: 'kept', generation });
  const source = builder.source(input);
  source
    .count(count, { value })
    .toStream()
    .to(output as Topic<string, number | null>);
  source
    .keyBy('by-letter', (_, key) => key.slice(0, 1), { value: json<number>() })
    .count('count-letters', { value: json<number>() });
  return builder.build();
}

const early = [
  ['a1', 1, 1],
  ['a2', 1, 2],
  ['b1', 1, 3],
  ['a1', 1, 4],
] as const;
const late = [
  ['a1', 1, 5],
  ['c1', 1, 6],
] as const;

/** What the first generation has left: it has counted the keys, and has yet to count the letters of the last ones. */
async function left(t: TestContext): Promise<World> {
  const world = await World.open(t, [input, output]);
  const first = counting(1);
  await world.pipe(input, ...early.slice(0, 2));
  await world.settle(first);
  await world.pipe(input, ...early.slice(2));
  const runtime = await world.start(first);
  // One round: the next one would read what it writes to the repartition topic.
  await runtime.runOnce(0);
  await runtime.leave();
  await runtime.close();
  const place = [0, 1].map((partition) => ({ topic: 'kept-1-by-letter-repartition', partition }));
  const read = (await world.log.committedOffsets('kept-1', place)).map((mark) => mark?.offset ?? 0);
  const [topic] = await world.log.describeTopics(['kept-1-by-letter-repartition']);
  assert.ok(
    topic?.offsets.some(({ end }, p) => end > (read[p] ?? 0) + 1),
    'records wait to be read',
  );
  return world;
}

const over = (world: World, topology: Topology, more: Partial<CarryOverOptions> = {}) =>
  carryOver({ log: world.log, topology, from: 1, ...more });

/** Rows of all stores after everything has been processed, and what was written on the way. */
async function outcome(world: World, topology: Topology, options: Partial<RuntimeOptions> = {}) {
  const runtime = await world.start(topology, options);
  await caughtUp(runtime);
  const rows: Record<string, unknown> = {};
  for (const task of runtime.tasks) {
    for (const { name } of task.storeDigests()) {
      for await (const [key, value] of task.entries(name)) rows[`${name} ${key}`] = value;
    }
  }
  await runtime.run(AbortSignal.abort());
  const written: string[] = [];
  const reader = await TopicReader.open(world.log, output, { from: 'start' });
  for await (const chunk of reader.untilEnd())
    written.push(...chunk.map(({ key, value }) => `${key}=${value}`));
  await reader.close();
  return { rows, written: written.sort() };
}

/** Without a change of generation. */
async function undisturbed(t: TestContext) {
  const world = await left(t);
  await world.pipe(input, ...late);
  return outcome(world, counting(1));
}

const topicsOf = async ({ log }: World) => (await log.describeTopics()).map(({ name }) => name);

it('rows, records on their way and offsets go on in the next generation; nothing is counted twice or lost', async (t) => {
  const world = await left(t);
  const second = counting(2);
  const told: string[] = [];
  await over(world, second, { onProgress: (done, total) => void told.push(`${done}/${total}`) });
  const [done, total] = told.at(-1)?.split('/') ?? [];
  assert.equal(done, total);
  assert.ok(Number(total) > 0);
  await world.pipe(input, ...late);
  const after = await outcome(world, second);
  assert.deepEqual(after, await undisturbed(t));
  assert.deepEqual(after.rows, {
    'count/state a1': 3,
    'count/state a2': 1,
    'count/state b1': 1,
    'count/state c1': 1,
    'count-letters/state a': 4,
    'count-letters/state b': 1,
    'count-letters/state c': 1,
  });
  assert.deepEqual(
    (await topicsOf(world)).filter((name) => name.startsWith('kept-1')),
    [],
  );
  assert.deepEqual(await acceptedGenerations(world.log, 'kept'), [2]);
  await over(world, second);
  assert.deepEqual((await outcome(world, second)).rows, after.rows);
  // The generation after it takes over in turn, from the state that was carried over.
  const third = counting(3);
  await carryOver({ log: world.log, topology: third, from: 2 });
  assert.deepEqual((await outcome(world, third)).rows, after.rows);
});

it('a carry-over that is cut off anywhere is completed by the next one', async (t) => {
  t.after(disarmFailpoints);
  const expected = await undisturbed(t);
  for (const step of CARRY_OVER_FAILPOINTS) {
    for (let hit = 1; ; hit++) {
      const world = await left(t);
      const second = counting(2);
      armFailpoints(`${step}=fail@${hit}`);
      const wasCutOff = await over(world, second).then(
        () => false,
        (error) => (error.code === 'MR_FAILPOINT' ? true : Promise.reject(error)),
      );
      disarmFailpoints();
      assert.ok(wasCutOff || hit > 1, `${step} is reached`);
      await over(world, second);
      await world.pipe(input, ...late);
      assert.deepEqual(await outcome(world, second), expected, `${step}, hit ${hit}`);
      assert.deepEqual(await acceptedGenerations(world.log, 'kept'), [2]);
      if (!wasCutOff) break;
    }
  }
});

it('cut off before the switch, the earlier generation can go on instead, and is carried over later', async (t) => {
  t.after(disarmFailpoints);
  const world = await left(t);
  armFailpoints('carry-over.switch.before=fail');
  await assert.rejects(over(world, counting(2)), { code: 'MR_FAILPOINT' });
  disarmFailpoints();
  await world.pipe(input, ...late);
  const expected = await outcome(world, counting(1));
  await over(world, counting(2));
  assert.deepEqual(await outcome(world, counting(2)), expected);
});

it('nothing is carried over while an instance runs, and again after one has come and gone meanwhile', async (t) => {
  const world = await left(t);
  const running = await world.start(counting(1), { instanceId: 'other' });
  await assert.rejects(over(world, counting(2)), { code: 'MR_TOPOLOGY_MIGRATION_BUSY' });
  await running.leave();
  await running.close();
  let visits = 0;
  const log = new Proxy<Log>(world.log, {
    get: (of, name) => {
      if (name !== 'createTopics') return Reflect.get(of, name).bind(of);
      return async (specs: Parameters<Log['createTopics']>[0]) => {
        await of.createTopics(specs);
        if (visits++ === 0) {
          await world.pipe(input, ...late);
          const visitor = await world.start(counting(1), { instanceId: 'visitor' });
          await caughtUp(visitor);
          await visitor.run(AbortSignal.abort());
        }
      };
    },
  });
  await over(world, counting(2), { log });
  assert.equal(visits, 2);
  assert.deepEqual(await outcome(world, counting(2)), await undisturbed(t));
});

it('an instance of the earlier release that is started after all processes nothing', async (t) => {
  const world = await left(t);
  await over(world, counting(2));
  await world.pipe(input, ...late);
  await assert.rejects(world.settle(counting(1), { instanceId: 'late' }), { code: 'MR_GROUP_OFFSET' });
  assert.deepEqual(await outcome(world, counting(2)), await undisturbed(t));
});

it('what differs between the generations needs a choice: rename, convert or drop', async (t) => {
  const tally = counting(2, { count: 'tally' });
  const retyped = counting(2, { value: json<number>('other') });
  const refused = await left(t);
  const errorOf = (topology: Topology, choices = {}) =>
    over(refused, topology, { choices }).then(
      () => assert.fail('it is refused'),
      ({ code, message }) => ({ code, message }),
    );
  assert.deepEqual(await errorOf(tally), {
    code: 'MR_TOPOLOGY_STATE_CHANGED',
    message:
      "Generation 2 of topology kept can't take over the state of generation 1: store count/state is no longer " +
      'declared: rename { "count/state": "tally/state" } or drop ["count/state"].',
  });
  assert.deepEqual(await errorOf(retyped, { rebuild: ['count'] }), {
    code: 'MR_TOPOLOGY_STATE_CHANGED',
    message:
      "Generation 2 of topology kept can't take over the state of generation 1: store count/state: its values have " +
      'another fingerprint: drop ["count/state"].',
  });
  // A refusal leaves everything as it was.
  await over(refused, tally, { choices: { rename: { count: 'tally' } } });
  assert.equal((await outcome(refused, tally)).rows['tally/state a1'], 2);

  const converted = await left(t);
  // The time of a table's row is stored after it.
  const thousandfold = (row: Buffer) =>
    Buffer.concat([Buffer.from(`${Number(row.subarray(0, -8).toString()) * 1_000}`), row.subarray(-8)]);
  await over(converted, retyped, { choices: { convert: { 'count/state': thousandfold } } });
  assert.equal((await outcome(converted, retyped)).rows['count/state a1'], 2_000);

  const dropped = await left(t);
  await over(dropped, retyped, { choices: { drop: ['count'] } });
  await dropped.pipe(input, ...late);
  const { rows } = await outcome(dropped, retyped);
  assert.equal(rows['count/state a1'], 1);
  assert.equal(rows['count-letters/state a'], 4);
});

it('verification says that it knows nothing of what was carried over, instead of finding a difference', async (t) => {
  const world = await left(t);
  const second = counting(2);
  await over(world, second);
  await outcome(world, second);
  const [counted, letters] = ['input-0', 'by-letter-0'].map((task) =>
    placesOf(second).find(({ name }) => name === task),
  );
  assert.ok(counted !== undefined && letters !== undefined);
  await assert.rejects(verifyTask(letters, { ...world, topology: second }), {
    code: 'MR_JOURNAL_INCOMPLETE',
  });
  await assert.rejects(compareTaskWithRebuild(letters, { ...world, topology: second }), {
    code: 'MR_VERIFY_INPUT_GONE',
  });
});
