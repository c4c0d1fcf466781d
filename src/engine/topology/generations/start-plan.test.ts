import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { RuntimeOptions } from '../../task/runtime-options.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { caughtUp, World } from '../../verify/testing/world.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Topology } from '../topology.ts';
import { resetTopology } from './acceptance.ts';
import { planReset, planStart, type StartPlan } from './start-plan.ts';

const input = {
  ...jsonTopic<number>('input', 2),
  cleanup: { policy: 'delete', retentionMs: 1_000 } as const,
};

/** Counts by key under these names, with values of a type. */
function counting(names: readonly string[], type?: string): Topology {
  const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
  const source = builder.source(input);
  for (const name of names) source.count(name, { value: json<number>(type) });
  return builder.build();
}

async function open(t: TestContext, first = counting(['count'])): Promise<World> {
  const world = await World.open(t, [input]);
  await world.pipe(input, ['a', 1, 1], ['b', 1, 2], ['a', 1, 3]);
  await world.settle(first);
  return world;
}

const planOf = async ({ log }: World, topology: Topology) => (await planStart({ log, topology })).plan;
const fates = ({ stores }: StartPlan) => Object.fromEntries(stores.map(({ store, fate }) => [store, fate]));

async function rows(world: World, topology: Topology, store: string, options: Partial<RuntimeOptions> = {}) {
  const runtime = await world.start(topology, options);
  await caughtUp(runtime);
  const found: Record<string, unknown> = {};
  for (const task of runtime.tasks) for await (const [key, value] of task.entries(store)) found[key] = value;
  await runtime.run(AbortSignal.abort());
  return found;
}

it('a plan makes nothing, and says what is kept and what is new', async (t) => {
  const world = await World.open(t, [input]);
  const first = await planOf(world, counting(['count']));
  assert.deepEqual(fates(first), { 'count/state': 'new' });
  assert.deepEqual(first.created, ['kept-1-count-state-changelog', 'kept-1-manifest']);
  assert.deepEqual(
    (await world.log.describeTopics()).map(({ name }) => name),
    ['input'],
  );
  await world.settle(counting(['count']));
  const again = await planOf(world, counting(['count', 'more']));
  assert.deepEqual(fates(again), { 'count/state': 'kept', 'more/state': 'new' });
  assert.deepEqual([again.unresolved, again.recordsToRead], [[], 0]);
});

it('a start does what the accepted plan proposes, and nothing for the hash of another plan', async (t) => {
  const world = await open(t);
  const retyped = counting(['count'], 'another');
  const plan = await planOf(world, retyped);
  assert.deepEqual(fates(plan), { 'count/state': 'rebuilt' });
  assert.equal(plan.unresolved.length, 1);
  assert.equal(plan.recordsToRead, 3);
  const refused = { code: 'MR_TOPOLOGY_STATE_CHANGED', hint: new RegExp(`--accept ${plan.hash}`) };
  await assert.rejects(world.settle(retyped), refused);
  const other = await planOf(world, counting(['other'], 'third'));
  await assert.rejects(world.settle(retyped, { accepted: other.hash }), refused);
  // More events, and the plan is the same one.
  await world.pipe(input, ['c', 1, 4]);
  assert.deepEqual(await rows(world, retyped, 'count/state', { accepted: plan.hash }), { a: 2, b: 1, c: 1 });
  assert.deepEqual(fates(await planOf(world, retyped)), { 'count/state': 'kept' });
});

it('proposes a rename to the one store that fits, and to begin empty where inputs are gone', async (t) => {
  const world = await open(t);
  const renamed = counting(['tally']);
  const plan = await planOf(world, renamed);
  assert.deepEqual(fates(plan), { 'tally/state': 'renamed' });
  assert.deepEqual(await rows(world, renamed, 'tally/state', { accepted: plan.hash }), { a: 2, b: 1 });
  assert.deepEqual(fates(await planOf(world, counting(['x', 'y']))), {
    'tally/state': 'dropped',
    'x/state': 'new',
    'y/state': 'new',
  });
  await world.pipe(input, ['a', 1, 10_000], ['b', 1, 10_000]);
  await world.settle(renamed);
  world.log.clean();
  assert.deepEqual(fates(await planOf(world, counting(['tally'], 'another'))), { 'tally/state': 'emptied' });
});

it('a reset reads everything again, only by the hash of its plan, and not under a running instance', async (t) => {
  const world = await open(t);
  const topology = counting(['count']);
  await world.meddle('input-0', async () => {});
  const { plan } = await planReset({ ...world, topology });
  assert.deepEqual(fates(plan), { 'count/state': 'rebuilt' });
  await assert.rejects(resetTopology({ ...world, topology, accepted: 'another' }), {
    code: 'MR_TOPOLOGY_PLAN_CHANGED',
  });
  const runtime = await world.start(topology);
  await caughtUp(runtime);
  await assert.rejects(resetTopology({ ...world, topology, accepted: plan.hash }), {
    code: 'MR_TOPOLOGY_MIGRATION_BUSY',
  });
  await runtime.run(AbortSignal.abort());
  assert.deepEqual(await rows(world, topology, 'count/state'), { a: 2, b: 1 });
  await resetTopology({ ...world, topology, accepted: plan.hash });
  assert.deepEqual(await rows(world, topology, 'count/state'), { a: 2, b: 1 });
});
