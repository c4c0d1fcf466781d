import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Thread } from '#platform';
import { seededRandom } from '../../random.ts';
import { indexContract } from '../contract.ts';
import { FlatIndex } from '../flat-index.ts';
import { clusteredVectors } from '../testing/clustered-vectors.ts';
import { buildIvf } from './build.ts';
import { IvfIndex } from './ivf-index.ts';
import { MaintainedIndex } from './maintained-index.ts';
import type { RowCopies } from './row-copies.ts';

indexContract(
  'maintained index',
  (vectors, dim, metric) => new MaintainedIndex(buildIvf(vectors, dim, { metric })),
  { recall: 0.98 },
);

const [COUNT, DIM] = [6000, 16];
const vectors = clusteredVectors(2 * COUNT, DIM, { clusters: 80, seed: 1 });
const vectorAt = (i: number) => vectors.subarray(i * DIM, (i + 1) * DIM);

test('changes before, during and after a rebuild are in the index, and nothing else', async () => {
  const index = new MaintainedIndex(buildIvf(vectors.subarray(0, COUNT * DIM), DIM));
  const before = index.toParts().centroids;
  const model = new Map(Array.from({ length: COUNT }, (_, id) => [id, vectorAt(id)]));
  const random = seededRandom(2);
  const change = () => {
    const id = random.integer(2 * COUNT);
    if (random.uniform() < 0.4) assert.equal(index.remove(id), model.delete(id));
    else {
      const vector = vectorAt(random.integer(2 * COUNT));
      index.put(id, vector);
      model.set(id, vector);
    }
    assert.equal(index.size, model.size);
  };
  let isRebuilt = false;
  const rebuilt = index.rebuild().then(() => {
    isRebuilt = true;
  });
  // It has begun, and ends in a later turn.
  for (let i = 0; i < 20; i++) change();
  while (!isRebuilt) {
    for (let i = 0; i < 5; i++) change();
    await setTimeout(1);
  }
  await rebuilt;
  change();
  assert.notDeepEqual(index.toParts().centroids, before);
  const ids = Int32Array.from(model.keys());
  const all = Float32Array.from([...model.values()].flatMap((vector) => [...vector]));
  const exact = FlatIndex.build(all, DIM, { ids });
  for (let id = 0; id < 2 * COUNT; id++) assert.deepEqual(index.vector(id), exact.vector(id));
  let found = 0;
  for (let i = 0; i < 100; i++) {
    const wanted = new Set(exact.search(vectorAt(i), 100).ids);
    found += index.search(vectorAt(i), 100).ids.filter((id) => wanted.has(id)).length;
  }
  assert.ok(found >= 9800, `${found} of 10000`);
});

test('an index is rebuilt by itself when much has changed', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const index = new MaintainedIndex(buildIvf(vectors.subarray(0, COUNT * DIM), DIM), { onRebuilt: resolve });
  const before = index.toParts().centroids;
  for (let id = 0; id < 0.3 * COUNT; id++) index.remove(id);
  assert.equal(await promise, undefined);
  assert.equal(index.size, 0.7 * COUNT);
  assert.notDeepEqual(index.toParts().centroids, before);
});

test('an index is rebuilt when changes gather in few of its lists, and not when as many are spread', async (t) => {
  const changes = 0.2 * COUNT;
  const built = () => buildIvf(vectors.subarray(0, COUNT * DIM), DIM);
  const spread = new MaintainedIndex(built(), { onRebuilt: () => assert.fail('nothing has gathered') });
  for (let i = 0; i < changes; i++) spread.put(COUNT + i, vectorAt(COUNT + i));
  t.after(() => spread.close());
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const gathered = new MaintainedIndex(built(), { onRebuilt: resolve });
  const random = seededRandom(3);
  for (let i = 0; i < changes; i++) {
    gathered.put(
      COUNT + i,
      vectorAt(7).map((x) => x + 0.01 * random.normal()),
    );
  }
  assert.equal(await promise, undefined);
  await spread.close();
});

test('a rebuild that fails is told, and the index goes on as it is', async (t) => {
  const ivf = buildIvf(vectors.subarray(0, COUNT * DIM), DIM);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const index = new MaintainedIndex(ivf, { onRebuilt: resolve });
  const before = index.toParts().centroids;
  // The thread gets ids that are none.
  t.mock.method(ivf, 'copyList', (_: number, copies: RowCopies) => copies.add(1).ids.fill(-1));
  for (let id = 0; id < 0.3 * COUNT; id++) index.remove(id);
  assert.equal(((await promise) as { code: string }).code, 'MR_INDEX_ID');
  index.put(0, vectorAt(0));
  assert.deepEqual(index.vector(0), vectorAt(0));
  assert.equal(index.size, 0.7 * COUNT + 1);
  assert.deepEqual(index.toParts().centroids, before);
  t.mock.restoreAll();
  await index.rebuild();
  assert.notDeepEqual(index.toParts().centroids, before);
  assert.equal(index.size, 0.7 * COUNT + 1);
});

test('a rebuild that fails as it takes the place of the old one leaves this in use, with all changes', async (t) => {
  const index = new MaintainedIndex(buildIvf(vectors.subarray(0, COUNT * DIM), DIM));
  const before = index.toParts().centroids;
  const receive = IvfIndex.receive.bind(IvfIndex);
  t.mock.method(IvfIndex, 'receive', (...sent: Parameters<typeof receive>) => {
    const built = receive(...sent);
    let puts = 0;
    const put = built.put.bind(built);
    t.mock.method(built, 'put', (...row: Parameters<typeof put>) => {
      if (++puts > 2) throw new Error('no memory');
      put(...row);
    });
    return built;
  });
  const rebuilt = index.rebuild();
  for (let id = 0; id < 5; id++) index.put(id, vectorAt(COUNT + id));
  assert.equal(index.remove(7), true);
  await assert.rejects(rebuilt, /no memory/);
  assert.deepEqual(index.toParts().centroids, before);
  assert.deepEqual(
    [index.size, index.vector(4), index.vector(7)],
    [COUNT - 1, vectorAt(COUNT + 4), undefined],
  );
  t.mock.restoreAll();
  await index.rebuild();
  assert.notDeepEqual(index.toParts().centroids, before);
  assert.deepEqual(
    [index.size, index.vector(4), index.vector(7)],
    [COUNT - 1, vectorAt(COUNT + 4), undefined],
  );
});

test('how much may change before the next rebuild is by what the last one was built of', async (t) => {
  let rebuilds = 0;
  const index = new MaintainedIndex(buildIvf(vectors.subarray(0, COUNT * DIM), DIM), {
    onRebuilt: () => void rebuilds++,
  });
  t.after(() => index.close());
  for (let id = 1000; id < COUNT; id++) index.remove(id);
  // The one that these have begun, and one that begins after the last of them.
  await index.rebuild();
  await index.rebuild();
  await setTimeout(1);
  const before = rebuilds;
  // A thousand is enough for the thousand that are left; it would not be for the six thousand that there were.
  for (let id = 0; id < 1000; id++) index.put(id, vectorAt(id));
  await index.rebuild();
  await setTimeout(1);
  assert.equal(rebuilds, before + 1);
});

test('a rebuild asked for while one is under way is that one', async (t) => {
  const index = new MaintainedIndex(buildIvf(vectors.subarray(0, COUNT * DIM), DIM));
  const received = t.mock.method(IvfIndex, 'receive');
  const first = index.rebuild();
  // Changes pass the bound meanwhile.
  for (let id = 0; id < 0.4 * COUNT; id++) index.remove(id);
  const second = index.rebuild();
  await Promise.all([first, second]);
  assert.equal(received.mock.callCount(), 1);
  assert.equal(index.size, 0.6 * COUNT);
  await index.rebuild();
  assert.equal(received.mock.callCount(), 2);
});

/** Resolve at some point of a rebuild that has begun. */
const points = {
  'as it begins': async () => {},
  'while the other thread builds': async (t: TestContext) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { call } = Thread.prototype;
    t.mock.method(Thread.prototype, 'call', function (this: unknown, ...given: unknown[]) {
      resolve();
      return Reflect.apply(call, this, given);
    });
    await promise;
    // What it returns meanwhile is received in a later turn.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  },
};

for (const [when, reached] of Object.entries(points)) {
  test(`a rebuild is given up when the index is closed ${when}`, async (t) => {
    const told: unknown[] = [];
    const index = new MaintainedIndex(buildIvf(vectors, DIM), { onRebuilt: (error) => told.push(error) });
    const before = index.toParts().centroids;
    for (let id = 0; id < 0.6 * COUNT; id++) index.remove(id);
    const outcome = index.rebuild().then(
      () => 'rebuilt',
      (error: { code: string }) => error.code,
    );
    await reached(t);
    await index.close();
    assert.equal(await outcome, 'MR_INDEX_REBUILD');
    assert.deepEqual(index.toParts().centroids, before);
    for (let id = 0; id < COUNT; id++) index.put(id, vectorAt(id));
    await assert.rejects(index.rebuild(), { code: 'MR_INDEX_REBUILD' });
    assert.deepEqual([index.size, told], [2 * COUNT, []]);
  });
}
