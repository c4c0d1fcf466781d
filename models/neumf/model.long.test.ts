import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../random.ts';
import { datasetOf, itemId, rowsOf, type ShownList, userId } from '../ranking/testing/shown-lists.ts';
import { filesOf, networkContract } from '../ranking-networks/testing/network-contract.ts';
import { learnedLists } from './lists.ts';
import { neuMfModel } from './model.ts';

const USERS = 60;
const ITEMS = 30;
const KINDS = 3;

/** Users take items of their own kind; each item is shown and taken as often as any other. */
function lists(count: number, seed: number): ShownList[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, list) => {
    const user = list % USERS;
    const rows = Array.from({ length: 5 }, () => {
      const item = random.integer(ITEMS);
      const chance = item % KINDS === user % KINDS ? 0.8 : 0.05;
      return { values: [], item, grade: Number(random.uniform() < chance) };
    });
    return { user, rows };
  });
}

const learned = rowsOf([], lists(600, 1), ITEMS);
const heldOut = rowsOf([], lists(200, 2), ITEMS);
const config = {
  factors: 4,
  dim: 4,
  hidden: 8,
  batchSize: 64,
  epochs: 8,
  learningRate: 0.02,
  weightDecay: 0.1,
};
const what = { model: neuMfModel, config, dataset: { ...datasetOf(learned), heldOut }, leastNdcg: 0.85 };

networkContract(what);

const asking = { user: userId(4), recentItems: [], profile: null, context: null };

test('whom and what it has not met is the unknown user and the unknown item, which is one like all others', async () => {
  const ranker = await neuMfModel.ranker(await filesOf(what));
  const score = async (user: string, items: readonly string[]) => [
    ...(await ranker.score({ asking: { ...asking, user }, items, columns: [] })),
  ];
  const all = Array.from({ length: ITEMS }, (_, item) => itemId(item));
  const known = await score(userId(4), all);
  const mean = known.reduce((sum, each) => sum + each, 0) / ITEMS;
  const [first, second] = await score(userId(4), ['never seen', '']);
  assert.equal(first, second);
  assert.ok((first as number) > Math.min(...known) && (first as number) < Math.max(...known));
  assert.ok(Math.abs((first as number) - mean) < 0.25, `${first}, the mean is ${mean}`);
  const [nobody, nobodyElse] = [await score('nobody', all), await score('', all)];
  assert.deepEqual(nobody, nobodyElse);
  // Whom nothing is known of likes no kind more than another.
  const ofKind = (kind: number) =>
    nobody.filter((_, item) => item % KINDS === kind).reduce((sum, each) => sum + each, 0) / (ITEMS / KINDS);
  const kinds = [0, 1, 2].map(ofKind);
  assert.ok(Math.max(...kinds) - Math.min(...kinds) < 0.25, `${kinds}`);
  await ranker.close();
});

const alike = { completedWeight: 1, likedWeight: 1, boughtWeight: 1 };

test('negatives are what a list shows beside the taken item, and other items where it shows none', () => {
  const shown: ShownList[] = [
    { user: 0, rows: [0, 1, 2].map((item) => ({ values: [], item, grade: Number(item === 1) })) },
    { user: 1, rows: [{ values: [], item: 3, grade: 0 }] },
    { user: 2, rows: [4, 5].map((item) => ({ values: [], item, grade: 1 })) },
  ];
  const whole = learnedLists(rowsOf([], shown, ITEMS), alike);
  assert.deepEqual(whole.users, [userId(0), userId(2)]);
  const named = (ids: Int32Array) => [...ids].map((id) => whole.items[id]);
  assert.deepEqual(named(whole.data.train.item), [itemId(1), itemId(4), itemId(5)]);
  assert.deepEqual([...(whole.data.left?.offsets ?? [])], [0, 2, 2, 2]);
  assert.deepEqual(named(whole.data.left?.ids ?? new Int32Array()), [itemId(0), itemId(2)]);
  assert.deepEqual([...whole.items].sort(), [0, 1, 2, 3, 4, 5].map(itemId));
  const withoutAlone = learnedLists(rowsOf([], shown.slice(0, 2), ITEMS), alike);
  assert.deepEqual([...withoutAlone.items].sort(), [0, 1, 2].map(itemId));
});
