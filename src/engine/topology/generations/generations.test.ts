import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { Producer, TransactionalProducer } from '#log';
import { errorCode, FatalError } from '#platform';
import { avroSchema } from '#schemas';
import { avroSerde } from '../../avro-serde.ts';
import type { Serde, Topic } from '../../serde.ts';
import type { RuntimeOptions } from '../../task/runtime-options.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopicReader } from '../../topic-reader.ts';
import { placesOf } from '../../verify/journal-reader.ts';
import { checkLocalStores } from '../../verify/local-stores.ts';
import { caughtUp, World } from '../../verify/testing/world.ts';
import { verify } from '../../verify/verify.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Topology } from '../topology.ts';
import type { Migrations } from './plan.ts';

const input = jsonTopic<number>('input', 2);
const output = jsonTopic<unknown>('output', 2);

type Shape = {
  readonly generation?: number;
  /** Names of the processors that count. */
  readonly counts?: readonly string[];
  readonly value?: Serde<number>;
  readonly partitions?: number;
  readonly keyBy?: string;
  readonly source?: Topic<string, number>;
};

/** Counts by key, and, behind a repartition topic, by the key's first letter. */
function counting(shape: Shape = {}): Topology {
  const { counts = ['count'], value = json<number>(), partitions = 2, keyBy = 'by-letter' } = shape;
  const builder = new TopologyBuilder({ name: 'kept', generation: shape.generation ?? 1 });
  const source = builder.source(shape.source ?? input);
  const [first] = counts.map((name) => source.count(name, { value }));
  first?.toStream().to(output as Topic<string, number | null>);
  source
    .keyBy(keyBy, (_, key) => key.slice(0, 1), { value: json<number>(), partitions })
    .count('count-letters', { value: json<number>() });
  return builder.build();
}

/** What one sink a topology is for. */
function onlyCounting(...names: readonly string[]): Topology {
  const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
  const source = builder.source(input);
  for (const name of names) source.count(name, { value: json<number>() });
  return builder.build();
}

async function open(t: TestContext, first: Topology = counting()): Promise<World> {
  const world = await World.open(t, [input, output]);
  await world.pipe(input, ['a1', 1, 1], ['a2', 1, 2], ['b1', 1, 3], ['a1', 1, 4]);
  await world.settle(first);
  return world;
}

async function refusal(world: World, topology: Topology, migrations?: Migrations) {
  let refused: { code?: string; message?: string; hint?: string } = {};
  const options: Partial<RuntimeOptions> = migrations === undefined ? {} : { migrations };
  await assert.rejects(world.settle(topology, options), (error) => {
    refused = error as typeof refused;
    return true;
  });
  assert.equal(refused.code, 'MR_TOPOLOGY_STATE_CHANGED');
  assert.match(refused.hint ?? '', /rename .* rebuild .* drop .* generation 2/);
  return refused.message ?? '';
}

/** The rows of a store, over all tasks, after everything has been processed. */
async function rows(world: World, topology: Topology, store: string, options: Partial<RuntimeOptions> = {}) {
  const runtime = await world.start(topology, options);
  await caughtUp(runtime);
  const found = new Map<string, unknown>();
  for (const task of runtime.tasks) {
    if (!task.digests().has(store)) continue;
    for await (const [key, value] of task.entries(store)) found.set(key, value);
  }
  await runtime.run(AbortSignal.abort());
  return Object.fromEntries([...found].sort());
}

async function topicsOf(world: World): Promise<string[]> {
  return (await world.log.describeTopics()).map(({ name }) => name);
}

/** That nothing of this is wrong: the journal can be replayed, and the local rows are what they should be. */
async function assertSound(world: World, topology: Topology): Promise<void> {
  for await (const { task, difference } of verify({ ...world, topology })) {
    assert.deepEqual({ task, difference }, { task, difference: undefined });
  }
  for (const place of placesOf(topology)) {
    assert.deepEqual((await checkLocalStores(place, world.databases))?.damaged ?? [], []);
  }
}

const counted = { a1: 2, a2: 1, b1: 1 };
const letters = { a: 3, b: 1 };

it('the same topology starts again, and one with more in it; another generation stands beside it', async (t) => {
  const world = await open(t);
  await world.settle(counting());
  const more = counting({ counts: ['count', 'another'] });
  assert.deepEqual(await rows(world, more, 'count/state'), counted);
  assert.deepEqual(await rows(world, more, 'another/state'), {});
  assert.deepEqual(await rows(world, counting({ generation: 2, counts: ['other'] }), 'other/state'), counted);
  assert.deepEqual(await rows(world, more, 'count/state'), counted);
});

it('a foreign record beside the manifest, or in its place, changes nothing', async (t) => {
  const world = await open(t);
  const producer = await world.log.producer();
  for (const [key, value] of [
    ['other', '{"version":7}'],
    ['topology', '{"not":"a manifest"}'],
    ['topology', '{'],
  ] as const) {
    const record = { key: Buffer.from(key), value: Buffer.from(value), timestamp: 1 };
    await producer.append('kept-1-manifest', 0, [record]);
  }
  assert.match(await refusal(world, onlyCounting('other')), /count/);
  await world.settle(counting());
});

it('several instances start at once on a log that knows nothing of the topology', async (t) => {
  const world = await World.open(t, [input, output]);
  const started = await Promise.all(
    ['a', 'b', 'c'].map((instanceId) => world.start(counting(), { instanceId })),
  );
  assert.equal(started.flatMap(({ tasks }) => tasks).length, 4);
  for (const runtime of started) await runtime.close();
});

it('a renamed store is refused; rename keeps its rows and removes the old ones', async (t) => {
  const world = await open(t);
  const renamed = counting({ counts: ['tally'] });
  const message = await refusal(world, renamed);
  assert.match(
    message,
    /store count\/state is no longer declared: rename { "count\/state": "tally\/state" } or drop \["count\/state"\]/,
  );
  await refusal(world, renamed, { rename: { 'count/state': 'nothing/state' } });
  const migrations = { rename: { count: 'tally' } };
  await world.pipe(input, ['b1', 1, 5]);
  assert.deepEqual(await rows(world, renamed, 'tally/state', { migrations }), { ...counted, b1: 2 });
  assert.ok(!(await topicsOf(world)).includes('kept-1-count-state-changelog'));
  assert.deepEqual(await rows(world, renamed, 'tally/state', { migrations }), { ...counted, b1: 2 });
  await world.meddle('input-0', async (database) => {
    const [old] = await database.getMany([Buffer.from('\x01\x0bcount/statea1')]);
    assert.equal(old, null);
  });
  await world.databases.destroy('input-0');
  await world.databases.destroy('input-1');
  assert.deepEqual(await rows(world, renamed, 'tally/state'), { ...counted, b1: 2 });
  await assertSound(world, renamed);
});

it('a store that is no longer wanted is refused; drop deletes its changelog and its rows', async (t) => {
  const world = await open(t, onlyCounting('count', 'unwanted'));
  const without = onlyCounting('count');
  assert.match(await refusal(world, without), /store unwanted\/state is no longer declared: drop/);
  assert.deepEqual(
    await rows(world, without, 'count/state', { migrations: { drop: ['unwanted'] } }),
    counted,
  );
  assert.ok(!(await topicsOf(world)).includes('kept-1-unwanted-state-changelog'));
  const again = onlyCounting('count', 'unwanted');
  await world.pipe(input, ['a1', 1, 5]);
  assert.deepEqual(await rows(world, again, 'unwanted/state'), { a1: 1 });
});

it('a retyped store is refused; rebuild reads the inputs again, outputs and all that lies behind', async (t) => {
  const world = await open(t);
  const retyped = counting({ value: json<number>('another') });
  const message = await refusal(world, retyped);
  assert.match(
    message,
    /store count\/state: its values have another fingerprint: rebuild \["count\/state"\] or drop/,
  );
  const migrations = { rebuild: ['count/state'] };
  assert.deepEqual(await rows(world, retyped, 'count/state', { migrations }), counted);
  assert.deepEqual(await rows(world, retyped, 'count-letters/state', { migrations }), letters);
  await assertSound(world, retyped);
  const reader = await TopicReader.open(world.log, output, { from: 'start' });
  const written: unknown[] = [];
  for await (const chunk of reader.untilEnd())
    for (const { key, value } of chunk) written.push(`${key}=${value}`);
  await reader.close();
  const once = ['a1=1', 'a1=2', 'a2=1', 'b1=1'];
  assert.deepEqual(written.sort(), [...once, ...once].sort());
});

it('a retyped store that is dropped begins empty, and nothing is read again', async (t) => {
  const world = await open(t);
  const retyped = counting({ value: json<number>('another') });
  await world.pipe(input, ['b1', 1, 5]);
  assert.deepEqual(await rows(world, retyped, 'count/state', { migrations: { drop: ['count'] } }), { b1: 1 });
  assert.deepEqual(await rows(world, retyped, 'count-letters/state'), { a: 3, b: 2 });
  await assert.rejects(assertSound(world, retyped), { code: 'MR_JOURNAL_INCOMPLETE' });
});

it('a schema that has evolved is no other type; one that can’t read the old rows is', async (t) => {
  const world = await World.open(t, [input]);
  const { registry } = world.log;
  const state = avroSchema('RecentEvents') as { readonly fields: readonly object[] };
  const storing = async (subject: string, schema: object) => {
    const builder = new TopologyBuilder({ name: 'evolving', generation: 1 });
    const value = await avroSerde<Record<string, unknown>>(registry, subject, schema);
    const add = (row: Record<string, unknown>) => row;
    builder.source(input).aggregate('rows', { initial: () => ({ events: [], extra: 1 }), add, value });
    return builder.build();
  };
  await world.settle(await storing('a', state));
  const extra = { name: 'extra', type: 'int', default: 0 };
  await world.settle(await storing('a', { ...state, fields: [...state.fields, extra] }));
  const unreadable = { ...state, fields: [{ name: 'extra', type: 'string' }] };
  assert.match(
    await refusal(world, await storing('b', unreadable)),
    /store rows\/state: its schema can't read what was written before/,
  );
});

it('a repartition topic with other partitions is refused; rebuild runs what feeds it again', async (t) => {
  const world = await open(t);
  const wider = counting({ partitions: 3 });
  const message = await refusal(world, wider);
  assert.match(message, /store count-letters\/state had 2 partitions and has 3/);
  assert.match(message, /the repartition topic of by-letter had 2 partitions and has 3/);
  await refusal(world, wider, { drop: ['count-letters'] });
  const migrations = { rebuild: ['by-letter'] };
  assert.deepEqual(await rows(world, wider, 'count-letters/state', { migrations }), letters);
  assert.deepEqual(await rows(world, wider, 'count/state', { migrations }), counted);
  await assertSound(world, wider);
});

it('a repartition topic with other partitions that is dropped begins with what comes', async (t) => {
  const world = await open(t);
  const narrower = counting({ partitions: 1 });
  const migrations = { drop: ['by-letter'] };
  await world.pipe(input, ['b2', 1, 5]);
  assert.deepEqual(await rows(world, narrower, 'count-letters/state', { migrations }), { b: 1 });
  assert.deepEqual(await rows(world, narrower, 'count/state', { migrations }), { ...counted, b2: 1 });
});

it('a source topic with other partitions is refused, also where the declaration has not followed it', async (t) => {
  const world = await open(t, onlyCounting('count'));
  const wider = { ...input, partitions: 3 };
  await world.log.deleteTopics([input.name]);
  await world.log.createTopics([{ name: wider.name, partitions: 3, cleanup: wider.cleanup }]);
  await world.pipe(wider, ['a1', 1, 1], ['a2', 1, 2], ['b1', 1, 3], ['a1', 1, 4]);
  await assert.rejects(world.settle(onlyCounting('count')), {
    code: 'MR_TOPOLOGY_INVALID',
    message: /has 3 partitions/,
  });
  const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
  builder.source(wider).count('count', { value: json<number>() });
  const declared = builder.build();
  assert.match(await refusal(world, declared), /store count\/state had 2 partitions and has 3/);
  assert.deepEqual(
    await rows(world, declared, 'count/state', { migrations: { rebuild: ['count'] } }),
    counted,
  );
});

/** A log whose calls fail from the nth on, as after a crash: what was asked before has happened. */
function crashing(
  log: World['log'],
  calls: number,
): { readonly log: World['log']; readonly made: () => number } {
  let made = 0;
  const counted = <T extends object>(target: T, ...names: readonly (keyof T)[]): T =>
    new Proxy(target, {
      get: (_, name) => {
        const own = Reflect.get(target, name, target) as unknown;
        if (typeof own !== 'function') return own;
        const call = own.bind(target) as (...given: unknown[]) => unknown;
        if (!names.includes(name as keyof T)) return call;
        return async (...given: unknown[]) => {
          if (++made > calls) throw new FatalError('MR_LOG_CLOSED', 'crashed');
          const result = await call(...given);
          if (name === 'producer') return counted(result as Producer, 'append');
          if (name === 'transactionalProducer') return counted(result as TransactionalProducer, 'commit');
          return result;
        };
      },
    });
  const failing = counted(log, 'createTopics', 'deleteTopics', 'transactionalProducer', 'producer');
  return { log: failing, made: () => made };
}

const typed = json<number>('another');
const choices: readonly (readonly [
  name: string,
  is: Topology,
  migrations: Migrations,
  stores: Readonly<Record<string, unknown>>,
])[] = [
  [
    'rename',
    counting({ counts: ['tally'] }),
    { rename: { count: 'tally' } },
    { 'tally/state': counted, 'count-letters/state': letters },
  ],
  [
    'rebuild',
    counting({ value: typed }),
    { rebuild: ['count'] },
    { 'count/state': counted, 'count-letters/state': letters },
  ],
  [
    'drop',
    counting({ value: typed }),
    { drop: ['count'] },
    { 'count/state': {}, 'count-letters/state': letters },
  ],
  [
    'rebuild of a repartition topic',
    counting({ partitions: 3 }),
    { rebuild: ['by-letter'] },
    { 'count/state': counted, 'count-letters/state': letters },
  ],
  [
    'drop of a repartition topic',
    counting({ partitions: 3 }),
    { drop: ['by-letter'] },
    { 'count/state': counted, 'count-letters/state': {} },
  ],
];

for (const [name, is, migrations, stores] of choices) {
  it(`${name}: cut short by a crash anywhere, the next start completes it, with local stores and without`, async (t) => {
    for (let calls = 0; ; calls++) {
      const world = await open(t);
      const crashed = crashing(world.log, calls);
      const failed = await world.start(is, { migrations, log: crashed.log }).then(
        async (runtime) => {
          await runtime.close();
          return false;
        },
        (error: unknown) => {
          assert.equal(errorCode(error), 'MR_LOG_CLOSED');
          return true;
        },
      );
      if (calls % 2 === 1) for (const place of placesOf(is)) await world.databases.destroy(place.name);
      // What is left of the member that crashed goes with its session.
      world.wallNow += 60_000;
      for (const [store, expected] of Object.entries(stores)) {
        const found = await rows(world, is, store, { migrations });
        assert.deepEqual(found, expected, `${store} after a crash at call ${calls}`);
      }
      // Repeated with the choice still there, it does nothing.
      await world.pipe(input, ['c1', 1, 9]);
      const [first = ''] = Object.keys(stores);
      const after = await rows(world, is, first, { migrations });
      assert.deepEqual(
        after,
        { ...(stores[first] as object), c1: 1 },
        `${first} goes on after call ${calls}`,
      );
      if (!failed) {
        assert.ok(calls > 3, 'the crashes were met');
        return;
      }
    }
  });
}

it('what has changed is found by the log alone, where the local stores are gone', async (t) => {
  for (const [topology, message] of [
    [counting({ counts: ['tally'] }), /store count\/state is no longer declared/],
    [counting({ value: typed }), /store count\/state: its values have another fingerprint/],
    [counting({ partitions: 3 }), /the repartition topic of by-letter had 2 partitions and has 3/],
    [counting({ keyBy: 'by-initial' }), /the repartition topic of by-letter is no longer declared/],
  ] as const) {
    const world = await open(t);
    for (const { name } of placesOf(counting())) await world.databases.destroy(name);
    assert.match(await refusal(world, topology), message);
  }
});

it('a changelog that has another number of partitions is refused, where no manifest tells of it', async (t) => {
  const world = await World.open(t, [input, output]);
  const cleanup = { policy: 'compact', tombstoneRetentionMs: 1_000 } as const;
  await world.log.createTopics([{ name: 'kept-1-count-state-changelog', partitions: 5, cleanup }]);
  assert.match(await refusal(world, counting()), /store count\/state had 5 partitions and has 2/);
  const migrations = { rebuild: ['count'] };
  await world.pipe(input, ['a1', 1, 1]);
  assert.deepEqual(await rows(world, counting(), 'count/state', { migrations }), { a1: 1 });
});

it('a changelog that was recreated under the manifest, with other partitions, is refused', async (t) => {
  const world = await open(t);
  const name = 'kept-1-count-state-changelog';
  const [was] = await world.log.describeTopics([name]);
  assert.ok(was);
  await world.log.deleteTopics([name]);
  await world.log.createTopics([{ name, partitions: 5, cleanup: was.cleanup }]);
  await assert.rejects(world.settle(counting()), (error: { code: string; message: string }) => {
    assert.match(error.code, /MR_TOPOLOGY_STATE_CHANGED|MR_LOG_TOPIC_MISMATCH/);
    assert.match(error.message, /5/);
    return true;
  });
});

it('an output topic that is not there, or with other partitions, is refused at the start', async (t) => {
  const world = await World.open(t, [input]);
  await assert.rejects(world.settle(counting()), {
    code: 'MR_TOPOLOGY_INVALID',
    message: /topic output does not exist/,
  });
  await world.log.createTopics([{ name: output.name, partitions: 1, cleanup: output.cleanup }]);
  await assert.rejects(world.settle(counting()), {
    code: 'MR_TOPOLOGY_INVALID',
    message: /output has 1 partitions in the log, but is declared with 2/,
  });
});

it('nothing is migrated under a running instance', async (t) => {
  const world = await open(t);
  const running = await world.start(counting(), { instanceId: 'other' });
  const migrations = { rename: { count: 'tally' } };
  await assert.rejects(world.settle(counting({ counts: ['tally'] }), { migrations }), {
    code: 'MR_TOPOLOGY_MIGRATION_BUSY',
  });
  await running.run(AbortSignal.abort());
  assert.deepEqual(await rows(world, counting(), 'count/state'), counted);
});

it('state without a name is refused where it is declared', () => {
  const none = undefined as unknown as string;
  const value = json<number>();
  const declarations: readonly ((builder: TopologyBuilder) => void)[] = [
    (builder) => void builder.source(input).count(none, { value }),
    (builder) => void builder.source(input).keyBy(none, (_, key) => key, { value }),
    (builder) => void builder.source(input).reduce(none, (a, b) => a + b, { value }),
    (builder) =>
      void builder
        .source(input)
        .count('x', { value })
        .groupBy(none, (_, key) => key),
    (builder) =>
      void builder.source(input).join(none, builder.source(output).count('x', { value }), (a) => a),
    (builder) => void builder.source({ ...input, name: none }),
    (builder) => void builder.source(input).count('No Name', { value }),
  ];
  for (const declare of declarations) {
    const build = () => {
      const builder = new TopologyBuilder({ name: 'kept', generation: 1 });
      declare(builder);
      builder.build();
    };
    assert.throws(build, { code: 'MR_TOPOLOGY_INVALID', message: /name/ }, String(declare));
  }
  for (const options of [
    { name: none, generation: 1 },
    { name: 'kept', generation: undefined as unknown as number },
  ]) {
    assert.throws(() => new TopologyBuilder(options), { code: 'MR_TOPOLOGY_INVALID' });
  }
});
