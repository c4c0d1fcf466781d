import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InteractionMatrix } from '#models';
import { type HeldOut, ITEMS, movieLens1MDirectory, readMovieLens1M, USERS } from './data.ts';

const directory = movieLens1MDirectory();
const skip = directory === undefined && 'MovieLens 1M is not on this machine';

function assertHeldOut({ train, histories, held, negatives }: HeldOut, rows: number): InteractionMatrix {
  const matrix = InteractionMatrix.fromPairs(train, USERS, ITEMS);
  assert.equal(matrix.size, rows);
  assert.equal(held.length, USERS);
  for (let user = 0; user < USERS; user++) {
    const had = new Set(matrix.itemsOf(user));
    assert.deepEqual(histories[user]?.toSorted(), matrix.itemsOf(user), 'the same items, in order');
    const offered = new Set(negatives[user]);
    assert.equal(offered.size, 99);
    offered.add(held[user] as number);
    assert.ok(offered.isDisjointFrom(had), `user ${user} has had what is to be found, or a negative`);
  }
  return matrix;
}

test('what is to be found is not learned from, and the validation knows nothing of the test', {
  skip,
}, async () => {
  const { test: last, validation } = await readMovieLens1M(directory ?? '');
  const train = assertHeldOut(last, 1_000_209 - USERS);
  const trainBefore = assertHeldOut(validation, 1_000_209 - 2 * USERS);
  for (let user = 0; user < USERS; user++) {
    const before = new Set(trainBefore.itemsOf(user)).add(validation.held[user] as number);
    assert.deepEqual(
      [...before].sort((a, b) => a - b),
      [...train.itemsOf(user)],
    );
  }
});
