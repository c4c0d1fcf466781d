import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session, toInt64 } from '../graph/session.ts';
import { seededRandom } from '../random.ts';
import { twoTowerDefaults } from './config.ts';
import type { TwoTowerData } from './data.ts';
import { createParameters, type Parameters } from './parameters.ts';
import { userTowerOnnx } from './serving.ts';
import { UserTower } from './user-tower.ts';

const [USERS, ITEMS, HISTORY] = [7, 40, 6];
const SEED = Number(process.env.SEED ?? 1);

const bag = (cardinalities: readonly number[], rows: number) => ({
  cardinalities,
  values: new Int32Array(rows * cardinalities.length),
});

/** Only its sizes count here. */
function dataWith(context: readonly number[] | undefined): TwoTowerData {
  return {
    users: USERS,
    items: ITEMS,
    profile: bag([3, 5], USERS),
    itemFeatures: bag([4], ITEMS),
    itemTags: { cardinality: 2, offsets: new Int32Array(ITEMS + 1), ids: new Int32Array() },
    train: {
      user: Int32Array.of(1),
      item: Int32Array.of(1),
      weight: Float32Array.of(1),
      historyOffsets: Int32Array.of(0, 0),
      history: new Int32Array(),
      ...(context && { context: bag(context, 1) }),
    },
  };
}

type Form = { readonly dim: number; readonly hidden: number; readonly heads: number };

function towerOf({ dim, hidden, heads }: Form, context?: readonly number[]) {
  const random = seededRandom(SEED);
  const data = dataWith(context);
  const config = { ...twoTowerDefaults, dim, hidden, heads, historyLength: HISTORY };
  const parameters: Parameters = createParameters(data, config, random);
  // What starts at zero would hide a mistake.
  for (const { weights } of parameters.dense.values())
    for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) + 0.2 * random.normal();
  return { file: userTowerOnnx(parameters, data, HISTORY), random };
}

const forms: readonly (readonly [Form, readonly number[] | undefined])[] = [
  [{ dim: 8, hidden: 12, heads: 1 }, undefined],
  [{ dim: 7, hidden: 5, heads: 3 }, [4, 2, 6]],
];

for (const [form, context] of forms) {
  test(`vectors are those of onnxruntime: ${JSON.stringify(form)}, seed ${SEED}`, async () => {
    const { file, random } = towerOf(form, context);
    const tower = UserTower.read(file);
    assert.ok(tower !== undefined);
    const contextFeatures = context?.length ?? 0;
    assert.deepEqual(
      [tower.dim, tower.historyLength, tower.profileFeatures, tower.contextFeatures],
      [form.dim, HISTORY, 2, contextFeatures],
    );
    const session = await Session.create(file);
    for (let length = 0; length <= HISTORY + 3; length++) {
      const user = random.integer(USERS);
      const history = Array.from({ length }, (_, place) => (place === 1 ? -1 : random.integer(ITEMS)));
      const profile = Int32Array.of(random.integer(3), random.integer(5));
      const moment = Int32Array.from(context ?? [], (size) => random.integer(size));
      const padded = Int32Array.from({ length: HISTORY }, (_, place) => history[place] ?? -1);
      const { vector } = await session.run({
        user: { data: toInt64(Int32Array.of(user)), shape: [1] },
        history: { data: toInt64(padded), shape: [1, HISTORY] },
        profile: { data: toInt64(profile), shape: [1, 2] },
        ...(context && { context: { data: toInt64(moment), shape: [1, contextFeatures] } }),
      });
      const own = new Float32Array(form.dim + 2);
      tower.encode({ user, history, profile, context: moment }, own, 1);
      for (let d = 0; d < form.dim; d++) {
        const [is, expected] = [own[1 + d] as number, vector?.[d] as number];
        assert.ok(Math.abs(is - expected) < 1e-6, `${length} items, number ${d}: ${is} and not ${expected}`);
      }
      assert.deepEqual([own[0], own.at(-1)], [0, 0]);
    }
    await session.close();
  });
}

test('a file of another form is left to onnxruntime', () => {
  const [[form]] = forms as [readonly [Form, undefined]];
  const { file } = towerOf(form);
  for (let length = 0; length < file.length; length += 37)
    assert.equal(UserTower.read(file.subarray(0, length)), undefined);
  const text = Buffer.from(file).toString('latin1');
  for (const [operation, other] of [
    ['Relu', 'Tanh'],
    ['Softmax', 'Hardmax'],
    ['Sqrt', 'Ceil'],
  ] as const) {
    const changed = text.replaceAll(operation, other);
    assert.notEqual(changed, text);
    assert.equal(UserTower.read(Buffer.from(changed, 'latin1')), undefined, other);
  }
  // Graphs that follow one another are read as one by whoever merges them.
  assert.equal(UserTower.read(Buffer.concat([file, Buffer.from([0x3a, 0])])), undefined);
});

test('ids that the model does not have are refused', () => {
  const [, [form, context]] = forms as [unknown, readonly [Form, readonly number[]]];
  const tower = UserTower.read(towerOf(form, context).file);
  assert.ok(tower !== undefined);
  const one = { user: 1, history: [0], profile: [0, 0], context: [0, 0, 0] };
  const into = new Float32Array(form.dim);
  for (const change of [
    { user: USERS },
    { user: -1 },
    { history: [ITEMS + 1] },
    { profile: [0, 5] },
    { context: [0, 0, 6] },
    { context: [-1, 0, 0] },
  ])
    assert.throws(() => tower.encode({ ...one, ...change }, into, 0), { code: 'MR_MODEL_INPUT' });
  tower.encode({ ...one, history: [ITEMS] }, into, 0);
});
