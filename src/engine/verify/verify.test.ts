import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import type { Topology } from '../topology/topology.ts';
import { journalledSnapshot, journalOf, placesOf } from './journal-reader.ts';
import { checkLocalStores } from './local-stores.ts';
import { compareWithRebuild, rebuildTask } from './rebuild.ts';
import type { VerifyProgress } from './scratch-task.ts';
import { compareSnapshots } from './snapshot.ts';
import { StoresOnDisk } from './stores-on-disk.ts';
import { World } from './testing/world.ts';
import { type TaskVerification, type VerifyOptions, verify, verifyTask } from './verify.ts';

const left = jsonTopic<number>('left');
const right = jsonTopic<number>('right');
const many = jsonTopic<number>('many', 3);

function topology(declare: (builder: TopologyBuilder) => void): Topology {
  const builder = new TopologyBuilder({ name: 'proof', generation: 1 });
  declare(builder);
  return builder.build();
}

/** Sums per key, over a repartition topic by the key's first letter. */
const sums = topology((builder) => {
  const add = (sum: number, { value }: { value: number }) => sum + value;
  const byKey = builder.source(many).aggregate('by-key', { initial: () => 0, add, value: json<number>() });
  byKey
    .toStream()
    .map((sum) => sum ?? 0)
    .keyBy('by-letter', (_, key) => key.slice(0, 1), { value: json<number>(), partitions: 2 })
    .aggregate('by-letter-sum', { initial: () => 0, add, value: json<number>() });
});

/** The newest value of each key by arrival, and when it came. */
const arrivals = topology((builder) => {
  const keep = defineProcessor({
    inputs: { left: port<string, number>(), right: port<string, number>() },
    outputs: {},
    stores: { newest: { value: json<unknown>() } },
    dependsOnArrival: true,
    process: {
      left: ({ key, value, timestamp }, { stores, wallNow }) =>
        stores.newest.put(key, { left: value, wallNow }, timestamp),
      right: ({ key, value, timestamp }, { stores, wallNow }) =>
        stores.newest.put(key, { right: value, wallNow }, timestamp),
    },
  });
  builder.process('arrivals', keep, { left: builder.source(left), right: builder.source(right) });
});

/** How many records of a key had come when its timer fired. */
const alarms = topology((builder) => {
  const count = defineProcessor({
    inputs: { records: port<string, number>() },
    outputs: {},
    stores: { counts: { value: json<number>() }, fired: { value: json<number>() } },
    process: {
      records: ({ key, timestamp }, { stores, setTimer }) => {
        stores.counts.put(key, (stores.counts.get(key) ?? 0) + 1, timestamp);
        setTimer(key, timestamp + 100);
      },
    },
    onTimer: (key, dueMs, { stores }) => stores.fired.put(key, stores.counts.get(key) ?? 0, dueMs),
  });
  builder.process('alarm', count, { records: builder.source(left) });
});

async function verified(world: World, of: Topology): Promise<Map<string, TaskVerification>> {
  const results = new Map<string, TaskVerification>();
  for await (const result of verify({ ...world, topology: of })) results.set(result.task, result);
  return results;
}

async function assertEqual(world: World, of: Topology, records: number): Promise<void> {
  const results = [...(await verified(world, of)).values()];
  for (const { task, difference, uncompared } of results) {
    assert.deepEqual({ task, difference, uncompared }, { task, difference: undefined, uncompared: [] });
  }
  assert.equal(
    results.reduce((sum, each) => sum + each.records, 0),
    records,
  );
}

async function open(t: TestContext): Promise<World> {
  return World.open(t, [left, right, many]);
}

const letters = [...'abcdefgh'].map((letter) => [`${letter}1`, 1, 1] as const);

it('proves equal what was processed in several commits, over restarts with stores and without', async (t) => {
  const world = await open(t);
  for (let round = 1; round <= 5; round++) {
    await world.pipe(many, ...letters);
    if (round === 3) for (const { name } of placesOf(sums)) await world.databases.destroy(name);
    await world.settle(sums, { batchRecords: round });
  }
  const results = await verified(world, sums);
  assert.equal(results.size, 5);
  for (const { difference } of results.values()) assert.equal(difference, undefined);
  const records = [...results.values()].filter(({ task }) => task.startsWith('many'));
  assert.equal(
    records.reduce((sum, each) => sum + each.records, 0),
    40,
  );
  for (const place of placesOf(sums)) {
    const local = await checkLocalStores(place, world.databases);
    assert.ok(local);
    assert.deepEqual(local.damaged, []);
    const { equal, different } = compareSnapshots(
      local.snapshot,
      results.get(place.name)?.replayed ?? local.snapshot,
    );
    assert.deepEqual({ equal: equal.length, different }, { equal: 1, different: [] });
  }
});

it('finds the commit after which a wrong byte in a store showed', async (t) => {
  const world = await open(t);
  await world.pipe(left, ['k', 1, 1], ['l', 1, 2]);
  const one = topology((builder) => {
    const add = (sum: number, { value }: { value: number }) => sum + value;
    builder.source(left).aggregate('sum', { initial: () => 0, add, value: json<number>() });
  });
  await world.settle(one);
  // Behind the sum its time, a double.
  const seven = Buffer.from('7\x3f\xf0\0\0\0\0\0\0', 'latin1');
  await world.meddle('left-0', (database) =>
    database.write([{ key: Buffer.from('\x01\x09sum/statek'), value: seven }]),
  );
  const [place] = placesOf(one);
  assert.ok(place);
  assert.deepEqual((await checkLocalStores(place, world.databases))?.damaged, ['sum/state']);
  await assertEqual(world, one, 2);
  await world.pipe(left, ['l', 1, 3]);
  await world.settle(one);
  await assertEqual(world, one, 3);
  await world.pipe(left, ['k', 1, 4]);
  await world.settle(one);
  const difference = (await verified(world, one)).get('left-0')?.difference;
  assert.deepEqual(
    difference?.stores.map(({ name }) => name),
    ['sum/state'],
  );
  // Four records in three transactions, each with or without a control record after it.
  assert.equal(difference?.inputs[0]?.from, 3);
  assert.equal(difference?.inputs[0]?.to, 4);
});

/** What a replay finds of the stores that the world's task `left-0` has left. */
async function onDisk(world: World, of: Topology) {
  const place = placesOf(of)[0] ?? assert.fail();
  const stores = await StoresOnDisk.open(place, world.databases);
  await verifyTask(place, { ...world, topology: of, onDisk: stores });
  await stores?.close();
  return stores?.results();
}

it('holds the rows on disk against the copy, where the task stopped, and where a crash has cut it off', async (t) => {
  const world = await open(t);
  assert.equal(await onDisk(world, alarms), undefined, 'nothing is here');
  const row = (store: string, key: string) => {
    return Buffer.concat([Buffer.from([1, store.length]), Buffer.from(store + key)]);
  };
  for (let round = 1; round <= 3; round++) {
    await world.pipe(left, ...['k', 'l', 'm'].map((key) => [key, 1, 40 * round] as const));
    await world.settle(alarms);
  }
  // The rows as an earlier commit has left them, as after a power loss.
  const earlier = new Map<string, Buffer>();
  await world.meddle('left-0', async (database) => {
    for await (const rows of database.scan({ gte: Buffer.from([0]), lt: Buffer.from([2]) }))
      for (const { key, value } of rows) earlier.set(key.toString('hex'), value as Buffer);
  });
  await world.pipe(left, ['n', 1, 500]);
  await world.settle(alarms);
  const names = ['alarm/counts', 'alarm/fired', 'alarm/timers'];
  const equal = names.map((name) => ({ name, result: 'equal' }));
  assert.deepEqual(await onDisk(world, alarms), equal);

  await world.meddle('left-0', async (database) => {
    await database.write([
      { key: row('alarm/counts', 'l'), value: Buffer.from('7') },
      { key: row('alarm/counts', 'm'), value: null },
      { key: row('alarm/fired', 'a'), value: Buffer.from('1') },
    ]);
  });
  assert.deepEqual(await onDisk(world, alarms), [
    { name: 'alarm/counts', result: 'different', rows: 2, firstKey: 'l' },
    { name: 'alarm/fired', result: 'different', rows: 1, firstKey: 'a' },
    { name: 'alarm/timers', result: 'equal' },
  ]);

  await world.meddle('left-0', async (database) => {
    await database.deleteRange({ gte: Buffer.from([0]), lt: Buffer.from([2]) });
    await database.write([...earlier].map(([key, value]) => ({ key: Buffer.from(key, 'hex'), value })));
  });
  assert.deepEqual(await onDisk(world, alarms), equal, 'the commit before the last');
  await changeMarks(world, (mark) => Object.assign(mark, { position: { left: 1_000 } }));
  assert.deepEqual(
    await onDisk(world, alarms),
    names.map((name) => ({ name, result: 'unknown' })),
  );
  await world.databases.destroy('left-0');
  assert.equal(await onDisk(world, alarms), undefined, 'nothing is here any more');
});

/** Changes what the stores have kept of themselves. */
async function changeMarks(world: World, change: (mark: { digest: string }, store: string) => void) {
  await world.meddle('left-0', async (database) => {
    const key = Buffer.from([0]);
    const [marks] = await database.getMany([key]);
    const changed = JSON.parse(String(marks)) as { stores: Record<string, { digest: string }> };
    for (const [store, mark] of Object.entries(changed.stores)) change(mark, store);
    await database.write([{ key, value: Buffer.from(JSON.stringify(changed)) }]);
  });
}

it('finds a digest that was tampered with', async (t) => {
  const world = await open(t);
  await world.pipe(left, ['k', 1, 1]);
  await world.settle(alarms);
  await changeMarks(world, (mark, store) => {
    if (store !== 'alarm/counts') return;
    mark.digest = mark.digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  });
  const [counts] = (await onDisk(world, alarms)) ?? [];
  assert.deepEqual(counts, { name: 'alarm/counts', result: 'different', rows: 0 });
  await world.pipe(left, ['l', 1, 2]);
  await world.settle(alarms);
  const difference = (await verified(world, alarms)).get('left-0')?.difference;
  assert.deepEqual(
    difference?.stores.map(({ name }) => name),
    ['alarm/counts'],
  );
});

it('repeats arrival and wall clock where a merge by timestamp comes out otherwise', async (t) => {
  const world = await open(t);
  await world.pipe(right, ['k', 1, 100]);
  await world.settle(arrivals);
  world.wallNow += 5;
  await world.pipe(left, ['k', 2, 50], ['l', 3, 60]);
  await world.settle(arrivals, { batchRecords: 1 });
  await assertEqual(world, arrivals, 3);
  const compare = async (force: boolean) => {
    for await (const result of compareWithRebuild({ ...world, topology: arrivals, force })) return result;
    return undefined;
  };
  await assert.rejects(compare(false), {
    code: 'MR_REBUILD_DEPENDS_ON_ARRIVAL',
    message: /arrivals in left-0/,
  });
  const compared = await compare(true);
  assert.deepEqual(compared?.dependsOnArrival, ['arrivals']);
  assert.deepEqual(compared?.stores.different, ['arrivals/newest']);
});

it('repeats a watermark that followed the wall clock, also before a crash and a restart', async (t) => {
  const world = await open(t);
  await world.pipe(left, ['k', 1, 999_990]);
  const runtime = await world.start(alarms);
  const round = async () => {
    for (let i = 0; i < 3; i++) await runtime.runOnce(0);
  };
  await round();
  world.wallNow += 6_000;
  await round();
  await world.pipe(left, ['k', 1, 1_000_000], ['k', 1, 1_020_000]);
  await round();
  for (let i = 0; i < 4; i++) {
    world.wallNow += 6_000;
    await round();
  }
  await runtime.close();
  await world.pipe(left, ['l', 1, 1_026_000]);
  await world.settle(alarms);
  await assertEqual(world, alarms, 4);
  const followed: unknown[] = [];
  for (const place of placesOf(alarms)) {
    for await (const { entry } of journalOf(world.log, alarms, place)) {
      followed.push(...entry.steps.flatMap((step) => step.followed));
    }
  }
  assert.ok(followed.length >= 2, 'the wall clock was followed');
});

it('a rebuild from the log alone equals the live task where nothing depends on arrival', async (t) => {
  const world = await open(t);
  for (let round = 1; round <= 3; round++) {
    await world.pipe(many, ...letters);
    await world.settle(sums, { batchRecords: round });
  }
  const tasks: string[] = [];
  for await (const { task, stores } of compareWithRebuild({ ...world, topology: sums })) {
    tasks.push(task);
    assert.deepEqual(
      { different: stores.different, incomparable: stores.incomparable },
      { different: [], incomparable: [] },
    );
    assert.equal(stores.equal.length, 1);
  }
  assert.equal(tasks.length, 5);
});

it('refuses a journal that does not begin at the beginning or does not reach the end', async (t) => {
  const world = await open(t);
  const without = { journal: false };
  await world.pipe(left, ['k', 1, 1]);
  await world.settle(alarms, without);
  await assert.rejects(verified(world, alarms), {
    code: 'MR_JOURNAL_INCOMPLETE',
    message: /offset 1 of left/,
  });
  await world.pipe(left, ['k', 1, 2]);
  await world.settle(alarms);
  await assert.rejects(verified(world, alarms), { code: 'MR_JOURNAL_INCOMPLETE', message: /first entry/ });
});

it('refuses a journal with a hole', async (t) => {
  const world = await open(t);
  for (const [i, options] of [{}, { journal: false }, {}].entries()) {
    await world.pipe(left, ['k', 1, i]);
    await world.settle(alarms, options);
  }
  await assert.rejects(verified(world, alarms), {
    code: 'MR_JOURNAL_INCOMPLETE',
    message: /from offset 1 to 2/,
  });
});

it('leaves out what is no entry of the journal, and names it beside a hole', async (t) => {
  const world = await open(t);
  const foreign = async () => {
    const producer = await world.log.producer();
    await producer.append('proof-1-journal', 0, [
      { key: Buffer.from('left-0'), value: Buffer.from('{}'), timestamp: 1 },
    ]);
  };
  await world.pipe(left, ['k', 1, 0]);
  await world.settle(alarms);
  await foreign();
  await assertEqual(world, alarms, 1);
  await world.pipe(left, ['k', 1, 1]);
  await world.settle(alarms, { journal: false });
  await world.pipe(left, ['k', 1, 2]);
  await world.settle(alarms);
  await assert.rejects(verified(world, alarms), {
    code: 'MR_JOURNAL_INCOMPLETE',
    message:
      /from offset 1 to 2; the record at offset \d+ of topic proof-1-journal, partition 0, can't be read/,
  });
});

it('names the first offset that is missing when inputs have expired or were compacted', async (t) => {
  const world = await open(t);
  const expiring = jsonTopic<number>('expiring');
  Object.assign(expiring, { cleanup: { policy: 'delete', retentionMs: 100 } });
  const rows = jsonTopic<number>('rows');
  Object.assign(rows, { cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 } });
  await world.log.createTopics([expiring, rows]);
  const both = topology((builder) => {
    builder.source(expiring).count('count', { value: json<number>() });
    builder.source(left).join('joined', builder.table(rows), (one, row) => [one, row]);
  });
  for (let i = 0; i < 3; i++) {
    await world.pipe(expiring, ['k', 1, i]);
    await world.pipe(rows, ['k', i, i], ['other', i, i]);
    await world.pipe(left, ['k', 1, i]);
    await world.settle(both);
  }
  await assertEqual(world, both, 12);
  world.log.clean();
  const [counting, joining] = placesOf(both);
  assert.ok(counting && joining);
  const gone = (message: RegExp) => ({ code: 'MR_VERIFY_INPUT_GONE', message });
  await assert.rejects(
    verifyTask(joining, { ...world, topology: both }),
    gone(/rows-0 no longer has offset 0/),
  );
  await world.pipe(expiring, ['k', 1, 1_000]);
  await world.settle(both);
  world.log.clean();
  await assert.rejects(
    verifyTask(counting, { ...world, topology: both }),
    gone(/expiring-0 no longer has offset 0/),
  );
  const rebuilt = rebuildTask(counting, { offsets: { expiring: 4 } }, world);
  await assert.rejects(rebuilt, gone(/expiring-0 no longer has offset 0/));
});

it('two copies on logs of their own are equal at the same offsets, and at others not to be compared', async (t) => {
  const [a, b] = [await open(t), await open(t)];
  for (const world of [a, b]) {
    await world.pipe(left, ['k', 1, 1], ['l', 1, 2]);
    if (world === a) await world.settle(alarms, { batchRecords: 1 });
    await world.pipe(left, ['k', 1, 200]);
    await world.settle(alarms);
  }
  const [place] = placesOf(alarms);
  assert.ok(place);
  const snapshotOf = async ({ log }: World) => {
    const snapshot = await journalledSnapshot(log, alarms, place);
    assert.ok(snapshot);
    return snapshot;
  };
  const names = ['alarm/counts', 'alarm/fired', 'alarm/timers'];
  const before = await snapshotOf(b);
  assert.deepEqual(compareSnapshots(await snapshotOf(a), before).equal, names);
  await b.pipe(left, ['m', 1, 201]);
  await b.settle(alarms);
  assert.deepEqual(compareSnapshots(before, await snapshotOf(b)).incomparable, names);
});

/** One store under a name of one's choice, with values of a type of one's choice. */
const summing = (generation: number, name = 'sum', fingerprint = 'json') => {
  const builder = new TopologyBuilder({ name: 'proof', generation });
  const add = (sum: number, { value }: { value: number }) => sum + value;
  builder.source(left).aggregate(name, { initial: () => 0, add, value: json<number>(fingerprint) });
  return builder.build();
};

it('a topology of another generation has a journal of its own; one that has run nothing says so', async (t) => {
  const world = await open(t);
  await world.pipe(left, ['k', 1, 1], ['l', 2, 2]);
  await world.settle(summing(1));
  const none = (await verified(world, summing(2))).get('left-0');
  assert.deepEqual([none?.commits, none?.records, none?.difference], [0, 0, undefined]);
  await world.settle(summing(2));
  await assertEqual(world, summing(2), 2);
  await assertEqual(world, summing(1), 2);
});

it('stores that the topology of today names or types otherwise are said not to have been compared', async (t) => {
  const world = await open(t);
  await world.pipe(left, ['k', 1, 1]);
  await world.settle(summing(1));
  const renamed = (await verified(world, summing(1, 'total'))).get('left-0');
  assert.deepEqual(renamed?.uncompared, ['sum/state', 'total/state']);
  const retyped = (await verified(world, summing(1, 'sum', 'another'))).get('left-0');
  assert.deepEqual([retyped?.uncompared, retyped?.difference], [['sum/state'], undefined]);
});

it('refuses a journal whose beginning has expired', async (t) => {
  const world = await open(t);
  for (let round = 0; round < 3; round++) {
    await world.pipe(left, ['k', 1, round]);
    await world.settle(alarms);
    world.wallNow += 100 * 86_400_000;
  }
  world.log.clean();
  await assert.rejects(verified(world, alarms), { code: 'MR_JOURNAL_INCOMPLETE', message: /first entry/ });
});

it('tells how far it has come, and ends when it is told to', async (t) => {
  const world = await open(t);
  for (let round = 1; round <= 20; round++) {
    await world.pipe(left, ['k', 1, round], ['l', 1, round]);
    await world.settle(alarms);
  }
  const [place] = placesOf(alarms);
  assert.ok(place);
  const live = await journalledSnapshot(world.log, alarms, place);
  assert.ok(live);
  type Work = (options: Pick<VerifyOptions, 'signal' | 'onProgress'>) => Promise<unknown>;
  const works: readonly Work[] = [
    (options) => verifyTask(place, { ...world, topology: alarms, ...options }),
    (options) => rebuildTask(place, live, { ...world, ...options }),
  ];
  for (const work of works) {
    const told: VerifyProgress[] = [];
    await work({ onProgress: (progress) => void told.push(progress) });
    assert.ok(told.length > 0);
    assert.ok(told.every(({ done }, i) => done >= (told[i - 1]?.done ?? 0)));
    const last = told.at(-1);
    assert.equal(last?.done, last?.total);
    const stop = new AbortController();
    const stopped = work({ signal: stop.signal, onProgress: () => stop.abort(new Error('it was told to')) });
    await assert.rejects(stopped, /it was told to/);
  }
});
