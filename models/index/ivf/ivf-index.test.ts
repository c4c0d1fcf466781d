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
    for (const share of [0, 0.5, 0.9, 0.99, 0.999]) {
      const ids = Array.from({ length: COUNT }, (_, id) => id).filter(() => random.uniform() < share);
      const recall = recallOf(index, exact, bitmapOf(ids, COUNT));
      assert.ok(recall >= 0.99, `recall is ${recall} with ${share} filtered out`);
    }
    assert.ok(recallOf(index, exact, undefined, 700) >= 0.99, 'more results take more lists');
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

test('the share that was calibrated is the one that is measured', () => {
  const exact = FlatIndex.build(vectors, DIM);
  for (const target of [0.9, 0.97]) {
    const index = buildIvf(vectors, DIM, { target, queries });
    const { nprobe, curve } = index.calibration;
    const chosen = curve.find((point) => point.nprobe === nprobe)?.recall as number;
    assert.ok(chosen >= target && (curve[0]?.recall as number) < chosen, `${chosen} for ${target}`);
    assert.ok(Math.abs(recallOf(index, exact) - chosen) < 1e-4);
  }
});

test('what was calibrated on some queries is reached by others', () => {
  const exact = FlatIndex.build(vectors, DIM);
  const others = clusteredVectors(1000, DIM, { clusters: 150, seed: 5 });
  for (const target of [0.9, 0.95, 0.97, 0.99]) {
    for (const seed of [1, 2, 3]) {
      const index = buildIvf(vectors, DIM, { target, queries, seed });
      const recall = recallOf(index, exact, undefined, 100, others);
      assert.ok(recall >= target, `${recall} for ${target} and seed ${seed}`);
      const { nprobe, curve } = index.calibration;
      const chosen = curve.find((point) => point.nprobe === nprobe);
      const { recall: measured = 0, error = 0 } = chosen ?? {};
      assert.ok(error > 0 && measured - 2 * error >= target, `${measured} with ${error} for ${target}`);
    }
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
