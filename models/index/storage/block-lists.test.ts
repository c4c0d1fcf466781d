import assert from 'node:assert/strict';
import test from 'node:test';
import { wasmPlatform } from '../kernel/wasm.ts';
import { BlockLists } from './block-lists.ts';

const DIM = 4;
const ROWS = 320;

test('blocks that lists have left are used again', () => {
  const rows = BlockLists.create(wasmPlatform, DIM, 'l2', 2);
  const blocks = new Set<number>();
  for (let round = 0; round < 20; round++) {
    for (let id = 0; id < ROWS; id++) rows.put(round % 2, id, new Float32Array(DIM).fill(id));
    if (round % 3 === 0) for (let id = 0; id < ROWS; id++) rows.remove(id);
    blocks.add(rows.send().blocks);
  }
  // Rows that go from one list to the other take room in both, for a block at most.
  assert.ok(Math.max(...blocks) <= 2 * (ROWS / 32) + 2, `${[...blocks]}`);
});

test('a row that fills a hole is screened by its own bounds', () => {
  const rows = BlockLists.create(wasmPlatform, 2, 'inner-product', 1);
  // The first has codes that miss nothing, the one that takes its place has codes that miss much.
  rows.put(0, 0, Float32Array.of(1, 0));
  for (let id = 1; id < 40; id++) rows.put(0, id, Float32Array.of(100.2, 0));
  rows.put(0, 40, Float32Array.of(100, 100 * (0.49 / 127)));
  rows.remove(0);
  const search = rows.search(Float32Array.of(1, 1), 1);
  // What the codes miss of id 40 is all that makes it the best; it lies in the first block now.
  rows.offer(1, search);
  rows.scan(0, search);
  assert.deepEqual([...search.best.finish().ids], [40]);
});
