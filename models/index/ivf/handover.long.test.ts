import assert from 'node:assert/strict';
import test from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { clusteredVectors } from '../testing/clustered-vectors.ts';
import { buildIvf } from './build.ts';
import { IvfIndex } from './ivf-index.ts';
import { RowCopies } from './row-copies.ts';

const DIM = 8;
const vectors = (count: number) => clusteredVectors(count, DIM, { clusters: 40, seed: 1 });

/** All objects in a value, and each of them once. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  if (ArrayBuffer.isView(value)) return objectsIn(value.buffer, found);
  if (value instanceof SharedArrayBuffer || value instanceof ArrayBuffer) return found;
  for (const each of Object.values(value)) objectsIn(each, found);
  return found;
}

const across = (value: unknown): unknown => {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(value);
    return receiveMessageOnPort(port2)?.message;
  } finally {
    port1.close();
  }
};

test('an index that threads hand over is few objects, however large it is, and no memory of it is copied', () => {
  const counts = [2000, 20_000].map((count) => {
    const sent = buildIvf(vectors(count), DIM).send();
    const objects = [...objectsIn(sent)];
    assert.deepEqual(
      objects.filter((each) => each instanceof ArrayBuffer),
      [],
      'what is not shared would be copied',
    );
    return objects.length;
  });
  assert.ok((counts[1] as number) < 200, `${counts[1]} objects`);
});

test('an index goes on after a handover as it would have without', () => {
  const all = vectors(4000);
  const own = buildIvf(all, DIM);
  const received = IvfIndex.receive(across(buildIvf(all, DIM).send()) as ReturnType<IvfIndex['send']>);
  const change = (index: IvfIndex) => {
    // Every table grows, and shrinks.
    for (let i = 0; i < 4000; i++) index.put(10_000 + i, all.subarray(i * DIM, (i + 1) * DIM));
    for (let id = 0; id < 4000; id += 3) assert.equal(index.remove(id), true);
    index.put(1, all.subarray(0, DIM));
  };
  change(own);
  change(received);
  assert.deepEqual(received.toParts(), own.toParts());
  for (let i = 0; i < 50; i++) {
    const query = all.subarray(i * DIM, (i + 1) * DIM);
    assert.deepEqual(received.search(query, 20), own.search(query, 20));
  }
});

test('rows are copied for a rebuild into one piece of shared memory, into more as there are many more than expected', () => {
  const vector = (id: number) => Float32Array.of(id, -id);
  const copied = (expected: number, lists: readonly number[]) => {
    const copies = new RowCopies(2, expected);
    let id = 0;
    for (const count of lists) {
      const { ids, vectors } = copies.add(count);
      assert.deepEqual([ids.length, vectors.length], [count, 2 * count]);
      for (let i = 0; i < count; i++, id++) {
        ids[i] = id;
        vectors.set(vector(id), 2 * i);
      }
    }
    const pieces = copies.pieces();
    let next = 0;
    for (const { ids, vectors } of pieces) {
      assert.ok(ids.buffer instanceof SharedArrayBuffer && vectors.buffer instanceof SharedArrayBuffer);
      for (const [i, each] of ids.entries()) {
        assert.equal(each, next++);
        assert.deepEqual(vectors.subarray(2 * i, 2 * i + 2), vector(each));
      }
    }
    assert.equal(next, id);
    return pieces.length;
  };
  assert.equal(copied(3000, [1000, 0, 2000, 300]), 1);
  assert.equal(copied(2000, [2000, 1000, 4000]), 3);
  assert.equal(copied(0, []), 0);
});
