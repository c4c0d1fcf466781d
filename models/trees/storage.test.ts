import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeCheckpoint, encodeCheckpoint, type Json } from '../checkpoint.ts';
import { seededRandom } from '../random.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { readTrees, saveTrees } from './storage.ts';
import { randomEnsemble } from './testing/random-ensemble.ts';

const numeric = { trees: 2, columns: 1, maxLeaves: 3, maxDepth: 2, categoricalShare: 0 };
const categorical = { ...numeric, categoricalShare: 1 };

type Mutable = { -readonly [key in keyof TreeEnsemble]: TreeEnsemble[key] };

describe('trees as bytes', () => {
  it('are what was written', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = seededRandom(seed);
      const ensemble = randomEnsemble(random, {
        trees: random.integer(4),
        columns: 1 + random.integer(5),
        maxLeaves: 1 + random.integer(20),
        maxDepth: 8,
      });
      ensemble.cover.fill(0, 1, 3); // no row need have come to a node
      assert.deepEqual(readTrees(saveTrees(ensemble)), ensemble, `seed ${seed}`);
    }
  });

  it('are refused where an array is no tree', () => {
    const refusals: readonly (readonly [(trees: Mutable) => void, RegExp])[] = [
      [(trees) => trees.left.set([0]), /node 0 of tree 0 has the child 0/],
      [(trees) => trees.right.set([1]), /node 1 of tree 0 has 2 parents/],
      [(trees) => trees.right.set([5]), /node 0 of tree 0 has the child 5/],
      [(trees) => trees.left.set([-1]), /has the child -1/],
      [(trees) => trees.roots.set([1]), /does not start at the first node/],
      [(trees) => trees.roots.set([0, 0]), /tree 0 does not end after its root/],
      [(trees) => trees.roots.set([0, 99]), /tree 0 does not end after its root/],
      [(trees) => trees.roots.set([0, 4]), /has the child 4|has 0 parents/],
      [(trees) => trees.column.set([1]), /node 0 splits by column 1/],
      [(trees) => trees.column.set([-2]), /node 0 splits by column -2/],
      [(trees) => trees.column.set([-1]), /node 1 of tree 0 has 0 parents/],
      [(trees) => trees.threshold.set([Number.NaN]), /threshold of node 0/],
      [(trees) => trees.value.set([1]), /node 0 has a value and children/],
      [(trees) => trees.value.set([Number.POSITIVE_INFINITY]), /value of node 0/],
      [(trees) => trees.cover.set([-1]), /cover or gain of node 0/],
      [(trees) => trees.gain.set([Number.NaN]), /cover or gain of node 0/],
      [(trees) => trees.missingLeft.set([2]), /missingLeft/],
      [(trees) => (trees.cover = trees.cover.slice(1)), /cover is not of each node/],
      [(trees) => (trees.gain = Float32Array.of(1) as never), /gain is missing or of another type/],
      [(trees) => (trees.setStarts = Int32Array.of(1)), /setStarts does not fit/],
      [(trees) => (trees.base = Number.NaN), /no trees/],
      [(trees) => (trees.columns = [{ name: 1 } as never]), /no trees/],
    ];
    for (const [damage, message] of refusals) {
      const trees: Mutable = randomEnsemble(seededRandom(1), numeric);
      damage(trees);
      assert.throws(() => readTrees(saveTrees(trees)), { code: 'MR_MODEL_CHECKPOINT', message });
    }
  });

  it('are refused where a set is none, or of another column', () => {
    const refusals: readonly (readonly [(trees: Mutable) => void, RegExp])[] = [
      [(trees) => trees.threshold.set([4]), /node 0 splits by set 4/],
      [(trees) => trees.threshold.set([-1]), /node 0 splits by set -1/],
      [(trees) => trees.threshold.set([0.5]), /node 0 splits by set 0.5/],
      [(trees) => trees.categories.set([-1]), /set 0 does not ascend/],
      [(trees) => trees.categories.set([-1], trees.setStarts.at(-2)), /set \d+ does not ascend/],
      [(trees) => trees.categories.set([trees.categories[1] as number]), /set 0 does not ascend/],
      [(trees) => trees.setStarts.set([0, 2, 1]), /set 1 ends before its start/],
      [
        (trees) => (trees.columns = [{ name: 'a', categories: ['one'] }]),
        /node 0 splits by category \d+ of 1/,
      ],
    ];
    for (const [damage, message] of refusals) {
      const trees: Mutable = randomEnsemble(seededRandom(2), categorical);
      assert.ok((trees.setStarts[1] as number) > 1, 'the first set has two categories at least');
      damage(trees);
      assert.throws(() => readTrees(saveTrees(trees)), { code: 'MR_MODEL_CHECKPOINT', message });
    }
  });

  it('are refused whatever byte of the directory is damaged, and wherever they are cut off', () => {
    const bytes = saveTrees(randomEnsemble(seededRandom(3), numeric));
    const end = 12 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
    for (let at = 0; at < bytes.length; at += 3) {
      assert.throws(() => readTrees(bytes.subarray(0, at)), { code: 'MR_MODEL_CHECKPOINT' }, `cut at ${at}`);
    }
    for (let at = 0; at < end; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = bytes[at] === 0 ? 255 : 0; // no JSON text has a byte 0
      assert.throws(() => readTrees(damaged), { code: 'MR_MODEL_CHECKPOINT' }, `byte ${at}`);
    }
    const { arrays } = decodeCheckpoint(bytes);
    const without = (values: Json) => () => readTrees(encodeCheckpoint({ arrays, values }));
    for (const values of [null, {}, { base: 0 }, { base: 0, columns: [{ name: 'a', categories: [1] }] }]) {
      assert.throws(without(values), { code: 'MR_MODEL_CHECKPOINT' });
    }
  });
});
