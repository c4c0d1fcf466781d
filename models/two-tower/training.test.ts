import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCheckpoint, encodeCheckpoint } from '../checkpoint.ts';
import { toOnnx } from '../graph/onnx.ts';
import { type Feed, Session, toInt64 } from '../graph/session.ts';
import { Graph } from '../graph/tensor.ts';
import { seededRandom } from '../random.ts';
import { train } from '../training.ts';
import { BatchBuilder } from './batch.ts';
import { type TwoTowerConfig, twoTowerDefaults } from './config.ts';
import type { Examples, TwoTowerData } from './data.ts';
import { UserEncoder } from './encoder.ts';
import { createParameters, parameterConstants } from './parameters.ts';
import { sequenceExamples } from './sequences.ts';
import { userTowerOnnx } from './serving.ts';
import { userTower } from './towers.ts';
import { trainTwoTower } from './train.ts';
import { type TwoTowerResult, twoTower } from './training.ts';
import { validationMetrics } from './validation.ts';

const [users, items, groups] = [41, 24, 3];
const small: Partial<TwoTowerConfig> = {
  dim: 8,
  hidden: 8,
  heads: 2,
  historyLength: 6,
  batchSize: 64,
  candidates: 24,
  epochs: 8,
};

/** Users walk through a group's items; every second user changes the group half-way, which only the newest items tell. */
function walks(): ReadonlyMap<number, number[]> {
  const random = seededRandom(5);
  return new Map(
    Array.from({ length: users - 1 }, (_, u) => {
      const walk = Array.from({ length: 12 }, (_, at) => {
        const group = (u + (u % 2 === 0 && at >= 6 ? 1 : 0)) % groups;
        return group + groups * random.integer(items / groups);
      });
      return [u + 1, walk];
    }),
  );
}

function world(changes: Partial<TwoTowerData> = {}): TwoTowerData {
  const sequences = walks();
  const last = (length: number) => length - 1;
  return {
    users,
    items,
    profile: { cardinalities: [2], values: Int32Array.from({ length: users }, (_, user) => user % 2) },
    itemFeatures: { cardinalities: [1], values: new Int32Array(items) },
    itemTags: { cardinality: 0, offsets: new Int32Array(items + 1), ids: new Int32Array() },
    train: sequenceExamples(new Map(Array.from(sequences, ([user, walk]) => [user, walk.slice(0, -1)])), 6),
    validation: sequenceExamples(sequences, 6, last),
    ...changes,
  };
}

/** A context of one feature that says of which group the item is, but for one row in ten. */
function withContext(examples: Examples): Examples {
  const values = examples.item.map((item, row) => (row % 10 === 0 ? 0 : 1 + (item % groups)));
  return { ...examples, context: { cardinalities: [groups + 1], values } };
}

test('the tower that serves gives the vectors of the tower that trains', async () => {
  const data = world();
  const train = withContext(data.train);
  const config = { ...twoTowerDefaults, ...small, unknownUserShare: 0, unknownContextShare: 0 };
  const parameters = createParameters({ ...data, train }, config, seededRandom(2));
  const random = seededRandom(3);
  for (const { weights } of parameters.dense.values())
    for (let i = 0; i < weights.length; i++) weights[i] = random.normal();
  const batches = new BatchBuilder({ ...data, train }, config, random);
  const block = 1;
  const { feeds, rows } = batches.build(Int32Array.of(block));

  const graph = new Graph();
  const constants = parameterConstants(graph, parameters);
  const size = batches.batchSize;
  const { rows: perBlock, columns } = batches.blocks;
  const inputs = {
    user: graph.input('user ids', [size], 'int64'),
    history: {
      columns: graph.input('history columns', [batches.blocksAtOnce, columns], 'int64'),
      places: graph.input('history places', [batches.blocksAtOnce, perBlock, columns], 'int64'),
    },
    profile: graph.input('profile values', [size, 1], 'int64'),
    context: graph.input('context values', [size, 1], 'int64'),
  };
  graph.output('vector', userTower(constants, inputs, { profile: [2], context: [groups + 1] }));
  const session = await Session.create(toOnnx(graph));
  // The step's ids are positions among its rows; the constants are whole tables.
  const whole = (name: 'user' | 'history', feed: string) => {
    const { data: positions, shape } = feeds[feed] as { data: BigInt64Array; shape: number[] };
    const ids = rows.get(name) as Int32Array;
    return { data: positions.map((at) => (at < 0n ? -1n : BigInt(ids[Number(at)] as number))), shape };
  };
  const trained = await session.run({
    'user ids': whole('user', 'user ids'),
    'history columns': whole('history', 'history columns'),
    'history places': feeds['history places'] as never,
    'profile values': feeds['profile values'] as never,
    'context values': feeds['context values'] as never,
  });
  await session.close();

  const { examples, starts } = batches.blocks;
  const some = examples.subarray(starts[block], starts[block + 1]);
  const encoder = await UserEncoder.load(userTowerOnnx(parameters, { ...data, train }, config.historyLength));
  const served = await encoder.encode({
    users: some.map((row) => train.user[row] as number),
    histories: Array.from(some, (row) => [
      ...train.history.subarray(train.historyOffsets[row], train.historyEnds?.[row]),
    ]),
    profile: some.map((row) => (train.user[row] as number) % 2),
    context: some.map((row) => train.context?.values[row] as number),
  });
  await encoder.close();
  served.forEach((value, i) => {
    assert.ok(
      Math.abs(value - (trained.vector?.[i] as number)) < 1e-5,
      `${i}: ${value} ${trained.vector?.[i]}`,
    );
  });
});

test('a training that goes on from a checkpoint comes to the same bytes', async () => {
  const data = world({ train: withContext(world().train) });
  const config = { ...small, epochs: 3 };
  const saved: Uint8Array[] = [];
  const undisturbed = await twoTower.open(data, config, 4);
  const history = await train(undisturbed, {
    checkpoints: { everySteps: 4, save: (checkpoint) => void saved.push(encodeCheckpoint(checkpoint)) },
  });
  const expected = await undisturbed.result();
  await undisturbed.close();
  assert.ok(saved.length >= 3 && undisturbed.stepsPerEpoch % 4 !== 0, 'in the middle of an epoch');
  for (const bytes of saved) {
    const resumed = await twoTower.open(data, config, 4);
    assert.deepEqual(await train(resumed, { resumeFrom: decodeCheckpoint(bytes) }), history);
    assert.deepEqual(await resumed.result(), expected);
    await resumed.close();
  }
  const other = await twoTower.open(data, { ...config, dim: 16 }, 4);
  assert.throws(() => other.restore(decodeCheckpoint(saved[0] as Uint8Array)), {
    code: 'MR_MODEL_CHECKPOINT',
  });
  assert.throws(() => other.restore({ arrays: new Map(), values: null }), { code: 'MR_MODEL_CHECKPOINT' });
  await other.close();
});

test('it is validated after each epoch, and the newest items count: what changed half-way is seen', async () => {
  const { history } = await trainTwoTower(world(), small);
  const recalls = history.epochs.map(({ metrics }) => metrics?.['recall@10'] as number);
  assert.equal(recalls.length, 8);
  // Ten of 24 items; those of a group are eight.
  assert.ok((recalls.at(-1) as number) > 0.75, recalls.join());
  const { validation: _, ...blind } = world();
  const unjudged = await trainTwoTower(blind, { ...small, epochs: 1 });
  assert.equal(unjudged.history.epochs[0]?.metrics, undefined);
});

test('row-wise Adagrad can change the embeddings, and keeps one number a row', async () => {
  const config = {
    ...small,
    embeddingOptimiser: 'row-wise-adagrad',
    learningRate: 0.1,
    weightDecay: 0.1,
  } as const;
  const training = await twoTower.open(world(), config, 1);
  const { epochs } = await train(training);
  assert.ok((epochs.at(-1)?.metrics?.['recall@10'] as number) > 0.7, JSON.stringify(epochs.at(-1)?.metrics));
  assert.equal(training.save().arrays.get('item/squares')?.length, items + 1);
  await training.close();
});

test('validation by hand: places among all items but those of the history', () => {
  const examples = sequenceExamples(new Map([[1, [0, 1, 2, 3]]]), 9, () => 1);
  // Items lie on a line, the user at its end: 5, 4, 3, 2, 1, 0 is the order.
  const itemVectors = Float32Array.of(0, 1, 2, 3, 4, 5);
  const metrics = validationMetrics(examples, Int32Array.of(0, 2), Float32Array.of(1, 1), itemVectors);
  // Item 1 after history 0 ranks below 5, 4, 3, 2; item 3 after 0, 1, 2 ranks below 5, 4.
  const gain = (before: number) => 1 / Math.log2(before + 2);
  assert.deepEqual(metrics, { 'recall@10': 1, 'recall@100': 1, 'ndcg@10': (gain(4) + gain(2)) / 2 });
});

test('a context that foretells the item is learned, and can be missing', async () => {
  const { validation, ...data } = world();
  const heldOut = withContext(validation as Examples);
  const knowing = await trainTwoTower(
    { ...data, train: withContext(data.train), validation: heldOut },
    small,
  );
  const told = knowing.history.epochs.at(-1)?.metrics?.['recall@10'] as number;
  assert.ok(told > 0.85, `${told}`);
  const encoder = await UserEncoder.load(knowing.userTower);
  assert.equal(encoder.contextFeatures, 1);
  const one = { users: Int32Array.of(1), histories: [[0, 3]], profile: Int32Array.of(1) };
  const without = await encoder.encode(one);
  assert.deepEqual(await encoder.encode({ ...one, context: Int32Array.of(0) }), without);
  assert.notDeepEqual(await encoder.encode({ ...one, context: Int32Array.of(2) }), without);
  await assert.rejects(encoder.encode({ ...one, context: Int32Array.of(0, 1) }), { code: 'MR_MODEL_INPUT' });
  await encoder.close();
});

/** For each of three new items, the group whose items have the nearest vectors. */
async function groupsOf(model: TwoTowerResult, feeds: Readonly<Record<string, Feed>>): Promise<number[]> {
  const session = await Session.create(model.itemTower);
  const { vector } = await session.run({
    item: { data: toInt64(Int32Array.of(-1, -1, -1)), shape: [3] },
    features: { data: toInt64(new Int32Array(3)), shape: [3, 1] },
    tags: { data: toInt64(Int32Array.of(-1, -1, -1)), shape: [3, 1] },
    ...feeds,
  });
  await session.close();
  return [0, 1, 2].map((row) => {
    const closeness = new Float64Array(groups);
    for (let item = 0; item < items; item++) {
      for (let d = 0; d < 8; d++) {
        closeness[item % groups] =
          (closeness[item % groups] as number) +
          (vector?.[row * 8 + d] as number) * (model.itemVectors[item * 8 + d] as number);
      }
    }
    return closeness.indexOf(Math.max(...closeness));
  });
}

test('a new item is placed by the n-grams of its title', async () => {
  // All titles of a group share a bucket; each has one of its own besides.
  const ids = Int32Array.from({ length: 2 * items }, (_, i) =>
    i % 2 === 0 ? groups + i / 2 : ((i - 1) / 2) % groups,
  );
  const offsets = Int32Array.from({ length: items + 1 }, (_, i) => 2 * i);
  const data = world({ itemTitles: { cardinality: groups + items, offsets, ids } });
  const model = await trainTwoTower(data, { ...small, unknownItemShare: 0.2 });
  const title = { data: toInt64(Int32Array.of(0, -1, 1, -1, 2, -1)), shape: [3, 2] };
  assert.deepEqual(await groupsOf(model, { title }), [0, 1, 2]);
});

test('a new item is placed by what a text encoder makes of its title', async () => {
  // One number a group.
  const values = Float32Array.from({ length: items * groups }, (_, i) =>
    Math.floor(i / groups) % groups === i % groups ? 1 : 0,
  );
  const data = world({ itemTexts: { width: groups, values } });
  const model = await trainTwoTower(data, { ...small, unknownItemShare: 0.2 });
  const text = { data: values.slice(0, 3 * groups), shape: [3, groups] };
  assert.deepEqual(await groupsOf(model, { text }), [0, 1, 2]);
});

test('data of which the new parts do not fit is refused', async () => {
  const data = world();
  const { train: known } = data;
  const broken: Partial<TwoTowerData>[] = [
    { itemTitles: { cardinality: 1, offsets: new Int32Array(items + 1), ids: Int32Array.of(5) } },
    { train: { ...withContext(known), context: { cardinalities: [2], values: Int32Array.of(1) } } },
    { train: { ...known, historyEnds: known.historyOffsets.map((start) => start - 1) } },
    { train: { ...known, historyEnds: new Int32Array(3) } },
    {
      train: withContext(known),
      validation: { ...known, context: { cardinalities: [2], values: known.user.map(() => 1) } },
    },
    { itemTexts: { width: 2, values: new Float32Array(items) } },
    { itemTexts: { width: 1, values: new Float32Array(items).fill(Number.NaN) } },
    { validation: { ...known, item: known.item.map(() => items) } },
  ];
  for (const change of broken) {
    await assert.rejects(trainTwoTower({ ...data, ...change }, small), { code: 'MR_MODEL_DATA' });
  }
  for (const change of [{ heads: 0 }, { weightDecay: -1 }, { unknownContextShare: 2 }]) {
    await assert.rejects(trainTwoTower(data, { ...small, ...change }), { code: 'MR_MODEL_CONFIG' });
  }
});
