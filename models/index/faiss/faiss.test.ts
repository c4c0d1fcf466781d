import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../../random.ts';
import { saveIndex } from '../files/index-file.ts';
import { openIndex } from '../open-index.ts';
import type { IndexParts } from '../parts.ts';
import {
  type FaissCase,
  searchedByFaiss,
  skipWithoutFaiss,
  writtenByFaiss,
} from '../testing/faiss-reference.ts';
import { readFaiss } from './read.ts';
import { writeFaiss } from './write.ts';

const K = 12;
const METRICS = ['inner-product', 'l2'] as const;

function casesOf(): readonly FaissCase[] {
  const random = seededRandom(5);
  const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
  const base = { ids: null, directMap: null, k: K } as const;
  // Where FAISS finds fewer than K in its lists, it stops, and Millrace goes on: so all cases of few vectors search all lists.
  const shapes = [
    { name: 'flat-1', dim: 1, size: 1, lists: 0 },
    { name: 'flat-empty', dim: 7, size: 0, lists: 0 },
    { name: 'flat-33', dim: 33, size: 257, lists: 0 },
    { name: 'flat-64', dim: 64, size: 1000, lists: 0 },
    { name: 'ivf-1', dim: 5, size: 40, lists: 1 },
    { name: 'ivf-3', dim: 3, size: 500, lists: 20, nprobe: 4 },
    { name: 'ivf-64', dim: 64, size: 2000, lists: 45, nprobe: 7 },
    { name: 'ivf-array', dim: 16, size: 300, lists: 12, nprobe: 3, directMap: 'array' as const },
    { name: 'ivf-hashtable', dim: 16, size: 300, lists: 12, nprobe: 3, directMap: 'hashtable' as const },
    {
      name: 'ivf-ids',
      dim: 9,
      size: 200,
      lists: 8,
      nprobe: 2,
      ids: Array.from({ length: 200 }, (_, i) => (i * 10_737_418 + 2 ** 31 - 1) % 2 ** 31),
    },
    // Most lists are empty, which FAISS writes in another form.
    { name: 'ivf-sparse', dim: 6, size: 33, skip: 30, lists: 30, nprobe: 30, ids: [5, 1_000_000, 2] },
    { name: 'ivf-empty', dim: 6, size: 4, skip: 4, lists: 4, nprobe: 4 },
  ];
  return METRICS.flatMap((metric) =>
    shapes.map(({ size, name, ...shape }) => ({
      ...base,
      nprobe: 1,
      ...shape,
      metric,
      name: `${name}-${metric}`,
      vectors: normal(size * shape.dim),
      queries: normal(10 * shape.dim),
    })),
  );
}

/** What the index of these parts finds for each query of the case in as many lists as FAISS looks through. */
function foundIn(parts: IndexParts, { queries, dim, nprobe }: FaissCase): readonly (readonly number[])[] {
  const index = openIndex(saveIndex({ ...parts, calibration: { nprobe, target: 1, at: 100, curve: [] } }));
  return Array.from({ length: queries.length / dim }, (_, i) => [
    ...index.search(queries.subarray(i * dim, (i + 1) * dim), K).ids,
  ]);
}

test('indexes of FAISS are read, and found in them is the same', { skip: skipWithoutFaiss }, async () => {
  const cases = casesOf();
  const { files, found } = await writtenByFaiss(cases);
  for (const each of cases) {
    const { parts, nprobe } = readFaiss(files.get(each.name) as Uint8Array);
    assert.deepEqual([parts.dim, parts.metric], [each.dim, each.metric]);
    assert.equal(nprobe, each.lists === 0 ? undefined : each.nprobe);
    assert.deepEqual(foundIn(parts, each), found[each.name]?.ids, each.name);
  }
});

test('FAISS reads what is written, and finds the same in it', { skip: skipWithoutFaiss }, async () => {
  const cases = casesOf();
  const random = seededRandom(6);
  const files = new Map<string, Uint8Array>();
  const parts = new Map<string, IndexParts>();
  for (const { name, dim, metric, lists, vectors, nprobe, ids } of cases) {
    const size = vectors.length / dim;
    const listSizes = new Int32Array(Math.max(1, lists));
    for (let i = 0; i < size; i++) {
      const list = random.integer(listSizes.length);
      listSizes[list] = (listSizes[list] as number) + 1;
    }
    const own: IndexParts = {
      dim,
      metric,
      centroids: Float32Array.from({ length: lists * dim }, () => random.normal()),
      listSizes,
      ids: Int32Array.from({ length: size }, (_, i) => (ids === null ? size - 1 - i : i * 50_000 + 3)),
      vectors,
      ...(lists > 0 && { calibration: { nprobe, target: 0.95, at: 100, curve: [] } }),
    };
    parts.set(name, own);
    files.set(name, writeFaiss(own));
  }
  const found = await searchedByFaiss(cases, files);
  for (const each of cases) {
    const own = parts.get(each.name) as IndexParts;
    const kind =
      each.lists > 0 ? 'IndexIVFFlat' : { 'inner-product': 'IndexFlatIP', l2: 'IndexFlatL2' }[each.metric];
    assert.deepEqual(found[each.name], { kind, size: own.ids.length, ids: foundIn(own, each) }, each.name);
  }
});

test('a flat index with ids of its own is written as one list', { skip: skipWithoutFaiss }, async () => {
  const [each] = casesOf().filter(({ name }) => name === 'flat-33-l2') as [FaissCase];
  const ids = Int32Array.from({ length: each.vectors.length / each.dim }, (_, i) => 7 * i + 1);
  const own: IndexParts = {
    dim: each.dim,
    metric: 'l2',
    centroids: new Float32Array(0),
    listSizes: Int32Array.of(ids.length),
    ids,
    vectors: each.vectors,
  };
  const found = await searchedByFaiss([each], new Map([[each.name, writeFaiss(own)]]));
  assert.deepEqual(found[each.name], { kind: 'IndexIVFFlat', size: ids.length, ids: foundIn(own, each) });
});
