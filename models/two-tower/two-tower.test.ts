import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { evaluate } from '../evaluation/ranking.ts';
import { Session, toInt64 } from '../graph/session.ts';
import { FlatIndex } from '../index/flat-index.ts';
import { allTimePopularity, popularityRanker } from '../popularity.ts';
import { seededRandom } from '../random.ts';
import { CandidateSampler } from './candidates.ts';
import type { TwoTowerConfig } from './config.ts';
import type { TwoTowerData } from './data.ts';
import { UserEncoder } from './encoder.ts';
import { type TrainedTwoTower, trainTwoTower } from './train.ts';

const [users, items, groups] = [121, 80, 4];

/**
 * A world of four groups of items, with the popularity falling within each. A user likes one group, which the profile
 * tells for even users only; nine of ten interactions are with it. Item 0 of a group is its most popular.
 */
function plantedWorld(): { data: TwoTowerData; heldOut: Map<number, number[]>; seen: Map<number, number[]> } {
  const random = seededRandom(3);
  const groupOf = (user: number) => user % groups;
  const heldOut = new Map<number, number[]>();
  const seen = new Map<number, number[]>();
  const columns = { user: [] as number[], item: [] as number[], history: [] as number[], offsets: [0] };
  for (let user = 1; user < users; user++) {
    const had = new Set<number>();
    while (had.size < 14) {
      const group = random.uniform() < 0.9 ? groupOf(user) : random.integer(groups);
      had.add(group + groups * Math.floor((random.uniform() * random.uniform() * items) / groups));
    }
    const sequence = [...had];
    heldOut.set(user, sequence.slice(-4));
    seen.set(user, sequence.slice(0, -4));
    sequence.slice(0, -4).forEach((item, i) => {
      columns.user.push(user);
      columns.item.push(item);
      columns.history.push(...sequence.slice(0, i).reverse());
      columns.offsets.push(columns.history.length);
    });
  }
  const profile = Int32Array.from({ length: users }, (_, user) =>
    user > 0 && user % 2 === 0 ? 1 + groupOf(user) : 0,
  );
  const group = Int32Array.from({ length: items }, (_, item) => item % groups);
  return {
    data: {
      users,
      items,
      profile: { cardinalities: [groups + 1], values: profile },
      itemFeatures: { cardinalities: [groups], values: group },
      itemTags: {
        cardinality: groups,
        offsets: Int32Array.from({ length: items + 1 }, (_, item) => item),
        ids: group,
      },
      train: {
        user: Int32Array.from(columns.user),
        item: Int32Array.from(columns.item),
        weight: new Float32Array(columns.user.length).fill(1),
        historyOffsets: Int32Array.from(columns.offsets),
        history: Int32Array.from(columns.history),
      },
    },
    heldOut,
    seen,
  };
}

const small: Partial<TwoTowerConfig> = {
  dim: 12,
  hidden: 16,
  historyLength: 8,
  batchSize: 256,
  candidates: 64,
  epochs: 12,
};

const { data, heldOut, seen } = plantedWorld();
const trained = await trainTwoTower(data, small);

/** The newest first, as the encoder wants them. */
const historyOf = (user: number) => (seen.get(user) ?? []).toReversed();

async function encodeUsers(model: TrainedTwoTower, ids: number[]): Promise<Float32Array[]> {
  const encoder = await UserEncoder.load(model.userTower);
  const vectors = await encoder.encode({
    users: Int32Array.from(ids),
    histories: ids.map(historyOf),
    profile: Int32Array.from(ids, (user) => data.profile.values[user] as number),
  });
  await encoder.close();
  return ids.map((_, row) => vectors.slice(row * model.dim, (row + 1) * model.dim));
}

const norm = (vector: Float32Array) => Math.hypot(...vector);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

test('it learns what was planted, and popularity can not know', async () => {
  const input = { items, k: 10, heldOut, seen };
  const popularity = evaluate(
    popularityRanker(allTimePopularity({ item: data.train.item, timestamp: new Float64Array() }, items)),
    input,
  );
  const index = FlatIndex.build(trained.itemVectors, trained.dim);
  const ids = [...heldOut.keys()];
  const vectors = new Map(
    (await encodeUsers(trained, ids)).map((vector, row) => [ids[row] as number, vector]),
  );
  const model = evaluate(
    (user, k, exclude) => index.search(vectors.get(user) as Float32Array, k, { exclude }).ids,
    input,
  );
  assert.ok((trained.losses.at(-1) as number) < (trained.losses[0] as number), trained.losses.join());
  assert.ok(
    model.mean.recall > 1.5 * popularity.mean.recall && model.mean.ndcg > 1.5 * popularity.mean.ndcg,
    `${JSON.stringify(model.mean)} against ${JSON.stringify(popularity.mean)}`,
  );
});

test('vectors have length 1', async () => {
  const vectors = await encodeUsers(trained, [0, 1, 2]);
  for (let item = 0; item < items; item++)
    vectors.push(trained.itemVectors.subarray(item * 12, item * 12 + 12));
  for (const vector of vectors) assert.ok(Math.abs(norm(vector) - 1) < 1e-4, `${norm(vector)}`);
});

test('an unknown user is known by the history, without one by the profile', async () => {
  const encoder = await UserEncoder.load(trained.userTower);
  // Three items of group 1 and a profile that leaves 1 or 3 open; and none, but the profile that says 2.
  const vectors = await encoder.encode({
    users: Int32Array.of(0, 0),
    histories: [[1, 5, 9], []],
    profile: Int32Array.of(0, 3),
  });
  await encoder.close();
  const index = FlatIndex.build(trained.itemVectors, trained.dim);
  for (const [row, group] of [1, 2].entries()) {
    const { ids } = index.search(vectors.slice(row * 12, row * 12 + 12), 10);
    const ofGroup = ids.filter((item) => item % groups === group).length;
    assert.ok(ofGroup >= 6, `row ${row}: ${ids.join()}`);
  }
});

test('the item tower gives the vectors of the trained items, and places a new one by its features', async () => {
  const session = await Session.create(trained.itemTower);
  const embed = async (item: number, group: number) => {
    const outputs = await session.run({
      item: { data: toInt64(Int32Array.of(item)), shape: [1] },
      features: { data: toInt64(Int32Array.of(group)), shape: [1, 1] },
      tags: { data: toInt64(Int32Array.of(group)), shape: [1, 1] },
    });
    return outputs.vector as Float32Array;
  };
  assert.deepEqual(await embed(5, 1), trained.itemVectors.slice(5 * 12, 6 * 12));
  for (let group = 0; group < groups; group++) {
    const vector = await embed(-1, group);
    const closeness = new Float64Array(groups);
    for (let item = 0; item < items; item++) {
      const other = trained.itemVectors.subarray(item * 12, item * 12 + 12);
      closeness[item % groups] = (closeness[item % groups] as number) + dot(vector, other);
    }
    assert.equal(closeness.indexOf(Math.max(...closeness)), group);
  }
  await session.close();
});

test('a history longer than the model looks at is cut at its oldest end; order counts, padding does not', async () => {
  const encoder = await UserEncoder.load(trained.userTower);
  const newest = [1, 5, 9, 13, 17, 21, 25, 29];
  const encode = async (histories: number[][]) => {
    const count = histories.length;
    return encoder.encode({ users: new Int32Array(count), histories, profile: new Int32Array(count) });
  };
  const both = await encode([newest, [...newest, 2, 6]]);
  assert.deepEqual(both.slice(0, 12), both.slice(12));
  assert.notDeepEqual(await encode([newest.toReversed()]), both.slice(0, 12));
  assert.deepEqual((await encode([[1], newest])).slice(0, 12), await encode([[1]]));
  await encoder.close();
});

test('equal seed and data give equal bytes; another seed gives others', async () => {
  const short = { ...small, epochs: 2 };
  const [a, b, c] = [
    await trainTwoTower(data, short),
    await trainTwoTower(data, short),
    await trainTwoTower(data, { ...short, seed: 2 }),
  ];
  assert.deepEqual(a, b);
  assert.notDeepEqual(a.itemVectors, c.itemVectors);
});

test('progress counts up to the end, and the loss is given', async () => {
  const seenSteps: number[] = [];
  await trainTwoTower(
    data,
    { ...small, epochs: 2 },
    {
      onProgress: ({ epoch, epochs, step, steps, loss }) => {
        seenSteps.push(step);
        assert.equal(steps, 2 * Math.ceil(1200 / 256));
        assert.equal(epoch, Math.ceil(step / 5));
        assert.equal(epochs, 2);
        assert.ok(loss > 0);
      },
    },
  );
  assert.deepEqual(seenSteps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('an aborted training rejects with the reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const onProgress = () => controller.abort(reason);
  await assert.rejects(trainTwoTower(data, small, { onProgress, signal: controller.signal }), reason);
});

test('nothing but constant features, no tags, no histories, one example: it still trains', async () => {
  const bare: TwoTowerData = {
    users: 2,
    items: 3,
    profile: { cardinalities: [1], values: new Int32Array(2) },
    itemFeatures: { cardinalities: [1], values: new Int32Array(3) },
    itemTags: { cardinality: 0, offsets: new Int32Array(4), ids: new Int32Array() },
    train: {
      user: Int32Array.of(1),
      item: Int32Array.of(2),
      weight: Float32Array.of(1),
      historyOffsets: Int32Array.of(0, 0),
      history: new Int32Array(),
    },
  };
  const model = await trainTwoTower(bare, { ...small, epochs: 30 });
  const encoder = await UserEncoder.load(model.userTower);
  const vector = await encoder.encode({
    users: Int32Array.of(1),
    histories: [[]],
    profile: new Int32Array(1),
  });
  await encoder.close();
  assert.equal(FlatIndex.build(model.itemVectors, 12).search(vector, 1).ids[0], 2);
});

test('data and configurations that make no sense are refused', async () => {
  const { train } = data;
  const broken: Partial<TwoTowerData>[] = [
    { items: 3 },
    { users: 5 },
    { profile: { cardinalities: [2], values: data.profile.values } },
    { profile: { cardinalities: [], values: new Int32Array() } },
    { profile: { cardinalities: [9], values: new Int32Array(3) } },
    { itemTags: { ...data.itemTags, cardinality: 1 } },
    { train: { ...train, weight: new Float32Array(3) } },
    { train: { ...train, weight: train.weight.map(() => 0) } },
    { train: { ...train, historyOffsets: train.historyOffsets.toReversed() } },
    { train: { ...train, user: new Int32Array() } },
  ];
  for (const change of broken) {
    await assert.rejects(trainTwoTower({ ...data, ...change }, small), { code: 'MR_MODEL_DATA' });
  }
  for (const change of [
    { dim: 0 },
    { temperature: -1 },
    { logQ: 2 },
    { epochs: 1.5 },
    { seed: Number.NaN },
  ]) {
    await assert.rejects(trainTwoTower(data, { ...small, ...change }), { code: 'MR_MODEL_CONFIG' });
  }
});

test('the encoder refuses other files, wrong sizes and ids that it does not have; it reads from a path', async (t) => {
  await assert.rejects(UserEncoder.load(trained.userTower.subarray(0, 1000)), {
    code: 'MR_MODEL_UNREADABLE',
  });
  await assert.rejects(UserEncoder.load(trained.itemTower), { code: 'MR_MODEL_UNREADABLE' });
  const directory = await mkdtemp(join(tmpdir(), 'millrace-encoder-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'user.onnx'), trained.userTower);
  const encoder = await UserEncoder.load(join(directory, 'user.onnx'));
  assert.deepEqual([encoder.dim, encoder.historyLength, encoder.profileFeatures], [12, 8, 1]);
  const one = { users: Int32Array.of(1), histories: [[]], profile: Int32Array.of(0) };
  const refused = [{ histories: [] }, { profile: Int32Array.of(0, 0) }, { users: Int32Array.of(users) }];
  for (const change of refused) {
    await assert.rejects(encoder.encode({ ...one, ...change }), { code: 'MR_MODEL_INPUT' });
  }
  await encoder.close();
});

test('candidates: the items of the batch, each once, and the share of batches that logQ foretells', () => {
  const random = seededRandom(5);
  const catalogue = 50;
  const examples = Int32Array.from({ length: 2000 }, () => Math.floor(random.uniform() ** 3 * catalogue));
  const sampler = new CandidateSampler(examples, catalogue, 16, 25, random);
  const counts = new Float64Array(catalogue);
  const targets = new Int32Array(16);
  const rounds = 4000;
  for (let round = 0; round < rounds; round++) {
    const batch = Int32Array.from({ length: 16 }, () => examples[random.integer(examples.length)] as number);
    const candidates = sampler.draw(batch, targets);
    assert.equal(new Set(candidates).size, 25);
    assert.deepEqual(
      Int32Array.from(targets, (place) => candidates[place] as number),
      batch,
    );
    for (const item of candidates) counts[item] = (counts[item] as number) + 1;
  }
  // The number of distinct items in a batch varies, which the formula takes at its mean.
  counts.forEach((count, item) => {
    const foretold = Math.exp(sampler.logQ[item] as number);
    assert.ok(
      Math.abs(count / rounds - foretold) < 0.03,
      `item ${item}: ${count / rounds}, foretold ${foretold}`,
    );
  });
  const all = new CandidateSampler(examples, catalogue, 16, 1000, random);
  assert.equal(all.draw(examples.subarray(0, 16), targets).length, catalogue);
  assert.ok(
    all.logQ.every((value) => value === 0),
    'the full softmax needs no correction',
  );
});
