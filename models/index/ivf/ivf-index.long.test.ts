import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../../random.ts';
import { bitmapOf } from '../../top-k.ts';
import { indexContract } from '../contract.ts';
import { FlatIndex } from '../flat-index.ts';
import { plainPlatform } from '../kernel/fallback.ts';
import { wasmPlatform } from '../kernel/wasm.ts';
import { clusteredVectors } from '../testing/clustered-vectors.ts';
import { buildIvf } from './build.ts';
import { IvfIndex } from './ivf-index.ts';

indexContract('ivf index', (vectors, dim, metric) => buildIvf(vectors, dim, { metric }), { recall: 0.98 });
// Without a calibration it looks through all lists.
indexContract(
  'ivf index that was not calibrated',
  (vectors, dim, metric) => {
    const { calibration, ...parts } = buildIvf(vectors, dim, { metric, lists: 9 }).toParts();
    return IvfIndex.fromParts(parts);
  },
  { recall: 1 },
);

const [COUNT, DIM] = [20_000, 16];
const vectors = clusteredVectors(COUNT, DIM, { clusters: 150, seed: 1 });
const queries = clusteredVectors(200, DIM, { clusters: 150, seed: 2 });
/** So many that the recall found is within .001 of that of all queries. */
const manyQueries = clusteredVectors(1000, DIM, { clusters: 150, seed: 5 });
const queryAt = (i: number) => queries.subarray(i * DIM, (i + 1) * DIM);

/** The share of the exact results that the index finds for the queries. */
function recallOf(
  index: IvfIndex,
  exact: FlatIndex,
  exclude: Uint8Array = new Uint8Array(0),
  k = 100,
  asked: Float32Array = queries,
): number {
  const filter = exclude && { exclude };
  let [found, wanted] = [0, 0];
  for (let at = 0; at < asked.length; at += DIM) {
    const query = asked.subarray(at, at + DIM);
    const all = new Set(exact.search(query, k, filter).ids);
    found += index.search(query, k, filter).ids.filter((id) => all.has(id)).length;
    wanted += all.size;
  }
  return found / wanted;
}

for (const metric of ['inner-product', 'l2'] as const) {
  const exact = FlatIndex.build(vectors, DIM, { metric });
  const index = buildIvf(vectors, DIM, { metric });

  test(`${metric}: the recall that was asked for is reached with a part of the lists, filtered or not`, () => {
    const { nprobe, curve, target } = index.calibration;
    const lists = curve.at(-1)?.nprobe as number;
    assert.ok(nprobe < lists / 3, `${nprobe} of ${lists} lists`);
    assert.equal(target, 0.99);
    assert.ok(curve.every(({ recall }, i) => i === 0 || recall >= (curve[i - 1]?.recall ?? 0)));
    assert.equal(curve.at(-1)?.recall, 1);
    const random = seededRandom(4);
    for (const share of [0, 0.5, 0.9, 0.99]) {
      const ids = Array.from({ length: COUNT }, (_, id) => id).filter(() => random.uniform() < share);
      const recall = recallOf(index, exact, bitmapOf(ids, COUNT), 100, manyQueries);
      // Of a thousand queries, on average: of all it is .99 or more.
      assert.ok(recall >= 0.989, `recall is ${recall} with ${share} filtered out`);
      // Of a hundredth, what is allowed is looked up, and all of it found.
      if (share < 0.99) assert.ok(recall < 0.995, `more lists than it takes: ${recall}, ${share}`);
    }
    for (const k of [10, 700]) {
      const recall = recallOf(index, exact, undefined, k);
      assert.ok(recall >= 0.989, `recall of the best ${k} is ${recall}`);
    }
  });

  test(`${metric}: a filter that leaves nothing of most lists is answered from the others`, () => {
    // What is allowed is in the far half of the space, as a category may be.
    const away = Array.from({ length: COUNT }, (_, id) => id).filter(
      (id) => (vectors[id * DIM] as number) < 0,
    );
    const recall = recallOf(index, exact, bitmapOf(away, COUNT));
    assert.ok(recall >= 0.98, `recall is ${recall}`);
  });
}

for (const metric of ['inner-product', 'l2'] as const) {
  test(`${metric}: what is found when the best ones are excluded are the best of the others`, () => {
    const exact = FlatIndex.build(vectors, DIM, { metric });
    const index = buildIvf(vectors, DIM, { metric });
    const random = seededRandom(6);
    const others = Array.from({ length: COUNT }, (_, id) => id).filter(() => random.uniform() < 0.9);
    for (const [best, rest] of [
      [100, []],
      [1000, []],
      [300, others],
    ] as const) {
      let [found, wanted] = [0, 0];
      for (let i = 0; i < 100; i++) {
        const exclude = bitmapOf([...exact.search(queryAt(i), best).ids, ...rest], COUNT);
        const all = new Set(exact.search(queryAt(i), 100, { exclude }).ids);
        found += index.search(queryAt(i), 100, { exclude }).ids.filter((id) => all.has(id)).length;
        wanted += all.size;
      }
      // Less than .99: of the best 1100, those that are missed are rather among the last 100.
      assert.ok(found / wanted >= 0.97, `${found} of ${wanted} without the ${best} best and ${rest.length}`);
    }
  });
}

test('the share that was calibrated is the one that is measured', () => {
  const exact = FlatIndex.build(vectors, DIM);
  for (const target of [0.9, 0.97]) {
    const index = buildIvf(vectors, DIM, { target, queries });
    const { reach: _, depths: __, ...others } = index.calibration;
    const { nprobe, curve } = others;
    const chosen = curve.find((point) => point.nprobe === nprobe)?.recall as number;
    assert.ok(chosen >= target && (curve[0]?.recall as number) < chosen, `${chosen} for ${target}`);
    // As many lists for each query, as indexes of FAISS and of earlier versions are searched.
    const fixed = IvfIndex.fromParts({ ...index.toParts(), calibration: others });
    assert.ok(Math.abs(recallOf(fixed, exact) - chosen) < 1e-4);
    const reached = recallOf(index, exact);
    assert.ok(reached >= target && reached < target + 0.02, `${reached} for ${target}`);
  }
});

test('a query that no vector is nearer to than others gets those with the lowest ids', () => {
  const index = buildIvf(vectors, DIM);
  const { ids, scores } = index.search(new Float32Array(DIM), 150);
  assert.deepEqual([...ids], [...Array(150).keys()]);
  assert.deepEqual(scores, new Float32Array(150));
});

test('what was calibrated on some queries is reached by others', () => {
  const exact = FlatIndex.build(vectors, DIM);
  for (const target of [0.9, 0.95, 0.97, 0.99]) {
    for (const seed of [1, 2, 3]) {
      const index = buildIvf(vectors, DIM, { target, queries, seed });
      const recall = recallOf(index, exact, undefined, 100, manyQueries);
      assert.ok(recall >= target, `${recall} for ${target} and seed ${seed}`);
      const { nprobe, curve } = index.calibration;
      const chosen = curve.find((point) => point.nprobe === nprobe);
      const { recall: measured = 0, error = 0 } = chosen ?? {};
      assert.ok(error > 0 && measured - 2 * error >= target, `${measured} with ${error} for ${target}`);
    }
  }
});

test('recall stays as it was after a fifth of the vectors have gone and others have come, and is that of a new build', () => {
  const churned = clusteredVectors(COUNT / 5, DIM, { clusters: 150, seed: 3 });
  const now = vectors.slice();
  const changes = Array.from({ length: COUNT / 5 }, (_, i) => ({
    id: 5 * i,
    vector: churned.subarray(i * DIM, (i + 1) * DIM),
  }));
  for (const { id, vector } of changes) now.set(vector, id * DIM);
  const [exactBefore, exactNow] = [vectors, now].map((all) => FlatIndex.build(all, DIM)) as [
    FlatIndex,
    FlatIndex,
  ];
  for (const seed of [1, 2, 3, 4, 5]) {
    const index = buildIvf(vectors, DIM, { target: 0.95, seed });
    const before = recallOf(index, exactBefore);
    for (const { id, vector } of changes) {
      index.remove(id);
      index.put(id, vector);
    }
    const after = recallOf(index, exactNow);
    const fresh = recallOf(buildIvf(now, DIM, { target: 0.95, seed: 100 + seed }), exactNow);
    assert.ok(Math.abs(after - before) <= 0.005, `${before} before, ${after} after, seed ${seed}`);
    assert.ok(Math.abs(after - fresh) <= 0.005, `${after}, a fresh build ${fresh}, seed ${seed}`);
  }
});

test('equal seeds build equal indexes, in WebAssembly and in JavaScript', () => {
  const some = vectors.subarray(0, 2000 * DIM);
  const [one, same, plain] = [wasmPlatform, wasmPlatform, plainPlatform].map((platform) =>
    buildIvf(some, DIM, { platform, seed: 3 }).toParts(),
  );
  assert.deepEqual(one, same);
  assert.deepEqual(one, plain);
  assert.notDeepEqual(one, buildIvf(some, DIM, { seed: 4 }).toParts());
});

test('an index is the same after toParts and fromParts', () => {
  const built = buildIvf(vectors, DIM);
  built.remove(17);
  built.put(COUNT + 5, queryAt(3));
  const loaded = IvfIndex.fromParts(built.toParts());
  assert.deepEqual(loaded.calibration, built.calibration);
  for (let i = 0; i < 20; i++) assert.deepEqual(loaded.search(queryAt(i), 50), built.search(queryAt(i), 50));
});

test('centroids too long to be compared with queries are refused', () => {
  const { centroids, ...parts } = buildIvf(vectors.subarray(0, 500 * DIM), DIM).toParts();
  for (const number of [1e38, -1e20, Number.NaN]) {
    const wrong = centroids.slice().fill(number, DIM, 2 * DIM);
    assert.throws(() => IvfIndex.fromParts({ ...parts, centroids: wrong }), { code: 'MR_INDEX_VECTOR' });
  }
});

test('vectors that an index is calibrated with do not find themselves', () => {
  // A query finds itself in its first list, so that shares are lower without.
  const index = buildIvf(vectors, DIM, { metric: 'l2' });
  const asked = vectors.subarray(0, 50 * DIM);
  const own = Int32Array.from({ length: 50 }, (_, id) => id);
  const first = (calibration: typeof index.calibration) => calibration.curve[0]?.recall as number;
  assert.ok(first(index.calibratedFor(asked, 0.99, own)) < first(index.calibratedFor(asked, 0.99)));
});
