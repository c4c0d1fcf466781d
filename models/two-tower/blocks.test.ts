import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { BlockColumns, type Blocks, packBlocks } from './blocks.ts';
import { type Examples, historyOf } from './data.ts';
import { sequenceExamples } from './sequences.ts';

const ITEMS = 12;
const sequences = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(ITEMS - 1), { maxLength: 20 })), {
    selector: ([user]) => user,
    minLength: 1,
  })
  .filter((users) => users.some(([, items]) => items.length > 0));

/** The history of each row of a block, from its columns and their places. */
function historiesOf(block: BlockColumns, rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, row) => {
    const history: number[] = [];
    for (let column = 0; column < columns; column++) {
      const place = block.places[row * columns + column] as number;
      if (place >= 0) history[place] = block.ids[column] as number;
    }
    return history;
  });
}

function blocksOf({ examples, starts }: Blocks): number[][] {
  return Array.from(starts.subarray(1), (end, block) => [...examples.subarray(starts[block], end)]);
}

test('each example is in one block, which has room for the histories of all its rows', () => {
  fc.assert(
    fc.property(
      sequences,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 40 }),
      (users, historyLength, batchSize) => {
        const examples = sequenceExamples(new Map(users), historyLength);
        const packed = packBlocks(
          examples,
          { items: ITEMS, batchSize, historyLength },
          seededRandom(users.length),
        );
        assert.deepEqual(
          [...packed.examples].sort((a, b) => a - b),
          [...examples.user.keys()],
        );
        const block = new BlockColumns(ITEMS, packed.rows, packed.columns);
        for (const rows of blocksOf(packed)) {
          assert.ok(rows.length >= 1 && rows.length <= Math.min(packed.rows, batchSize));
          block.clear();
          rows.forEach((example, row) => {
            assert.ok(block.add(row, historyOf(examples, example, historyLength)));
          });
          assert.deepEqual(
            historiesOf(block, rows.length, packed.columns),
            rows.map((example) => [...historyOf(examples, example, historyLength)]),
          );
        }
      },
    ),
  );
});

test("a user's consecutive examples share a block, and a block its columns", () => {
  const items = Array.from({ length: 64 }, (_, i) => i % ITEMS);
  const examples = sequenceExamples(new Map([[1, items.slice(0, ITEMS)]]), 4);
  const { rows, columns, starts } = packBlocks(
    examples,
    { items: ITEMS, batchSize: 1024, historyLength: 4 },
    seededRandom(1),
  );
  assert.deepEqual([rows, columns, [...starts]], [12, 16, [0, 12]]);
  const block = new BlockColumns(ITEMS, rows, columns);
  for (let row = 0; row < rows; row++) block.add(row, historyOf(examples, row, 4));
  assert.equal(block.size, ITEMS - 1, 'the last item is in no history');
});

test('a row that has an item twice has two columns of it; one without room is told so', () => {
  const block = new BlockColumns(5, 2, 3);
  assert.ok(block.add(0, Int32Array.of(4, 1, 4)));
  assert.ok(block.add(1, Int32Array.of(4)));
  assert.equal(block.size, 3);
  assert.deepEqual(historiesOf(block, 2, 3), [[4, 1, 4], [4]]);
  assert.ok(!block.add(1, Int32Array.of(2)));
  block.clear();
  assert.ok(block.add(0, Int32Array.of(2)));
  assert.deepEqual(historiesOf(block, 2, 3), [[2], []]);
});

test('an example of each item of a sequence, with those before it, newest first', () => {
  const examples = sequenceExamples(
    new Map([
      [3, [7, 8, 9]],
      [1, [5]],
    ]),
    2,
  );
  assert.deepEqual([...examples.user], [3, 3, 3, 1]);
  assert.deepEqual([...examples.item], [7, 8, 9, 5]);
  const histories = (of: Examples) => Array.from(of.user, (_, row) => [...historyOf(of, row, 9)]);
  assert.deepEqual(histories(examples), [[], [7], [8, 7], []]);
  const newest = sequenceExamples(
    new Map([
      [3, [7, 8, 9]],
      [1, [5]],
    ]),
    9,
    (length) => length - 1,
  );
  assert.deepEqual([...newest.item], [9, 5]);
  assert.deepEqual(histories(newest), [[8, 7], []]);
});
