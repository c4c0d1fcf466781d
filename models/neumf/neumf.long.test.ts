import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../checkpoint.ts';
import { areaUnderCurve } from '../evaluation/classification.ts';
import { seededRandom } from '../random.ts';
import { train } from '../training.ts';
import { Batches } from './batch.ts';
import { type NeuMfConfig, neuMfDefaults } from './config.ts';
import type { NeuMfData, Pairs } from './data.ts';
import { NeuMfScorer, type TrainedNeuMf } from './scorer.ts';
import { neuMf } from './train.ts';

const USERS = 60;
const ITEMS = 40;

/** Users take to items of their own kind, even or odd, each to half of them: popularity says nothing of it. */
function kinds(seed = 5): NeuMfData {
  const random = seededRandom(seed);
  const pairs: [user: number, item: number][] = [];
  const held: [user: number, item: number][] = [];
  for (let user = 0; user < USERS; user++) {
    for (let item = user % 2; item < ITEMS; item += 2) {
      const chance = random.uniform();
      if (chance < 0.5) pairs.push([user, item]);
      else if (chance < 0.6) held.push([user, item]);
    }
  }
  return { users: USERS, items: ITEMS, train: pairsOf(pairs), validation: pairsOf(held) };
}

const pairsOf = (pairs: readonly (readonly [number, number])[]): Pairs => ({
  user: Int32Array.from(pairs, ([user]) => user),
  item: Int32Array.from(pairs, ([, item]) => item),
});

const small: Partial<NeuMfConfig> = {
  factors: 4,
  dim: 8,
  hidden: 8,
  layers: 2,
  batchSize: 64,
  epochs: 12,
  learningRate: 0.02,
  unknownShare: 0.02,
};

async function trained(data = kinds(), config = small, seed = 1): Promise<TrainedNeuMf> {
  const training = await neuMf.open(data, config, seed);
  try {
    await train(training);
    return await training.result();
  } finally {
    await training.close();
  }
}

const all = Int32Array.from({ length: ITEMS }, (_, item) => item);

/** AUC of the held-out items among those that the user has not had. */
async function aucOf(
  data: NeuMfData,
  score: (user: number) => ArrayLike<number> | Promise<ArrayLike<number>>,
): Promise<number> {
  const had = new Set(Array.from(data.train.user, (user, i) => `${user} ${data.train.item[i]}`));
  const held = new Set(
    Array.from(data.validation?.user ?? [], (user, i) => `${user} ${data.validation?.item[i]}`),
  );
  const [predictions, labels]: [number[], number[]] = [[], []];
  for (let user = 0; user < data.users; user++) {
    const scores = await score(user);
    for (const item of all) {
      if (had.has(`${user} ${item}`)) continue;
      predictions.push(scores[item] as number);
      labels.push(held.has(`${user} ${item}`) ? 1 : 0);
    }
  }
  return areaUnderCurve({ predictions, labels });
}

test('each pair counts once an epoch: what fills up the last step counts nothing', () => {
  const data = kinds();
  const pairs = data.train.user.length;
  const config = { ...neuMfDefaults, ...small, batchSize: 64, negatives: 3, unknownShare: 0 };
  const batches = new Batches(data, config, seededRandom(1));
  assert.notEqual(pairs % 64, 0);
  const counted = new Map<number, number>();
  let weight = 0;
  for (let step = 0; step < batches.stepsPerEpoch; step++) {
    const { feeds, users } = batches.build(step);
    const weights = feeds.weight?.data as Float32Array;
    const ids = feeds['user ids']?.data as BigInt64Array;
    for (const each of weights) weight += each;
    ids.forEach((id, row) => {
      const user = users[Number(id)] as number;
      counted.set(user, (counted.get(user) ?? 0) + (weights[4 * row] as number));
    });
  }
  assert.equal(weight, 4 * pairs);
  for (const [user, times] of counted) {
    assert.equal(times, data.train.user.filter((each) => each === user).length, `user ${user}`);
  }
});

suite('NeuMF', () => {
  test('learns what popularity cannot know, with either optimiser of the embeddings', async () => {
    const data = kinds();
    const counts = new Float64Array(ITEMS);
    for (const item of data.train.item) counts[item] = (counts[item] as number) + 1;
    const popularity = await aucOf(data, () => counts);
    const adagrad = { ...small, embeddingOptimiser: 'row-wise-adagrad', learningRate: 0.1 } as const;
    for (const config of [small, adagrad]) {
      const scorer = await NeuMfScorer.load(await trained(data, config));
      const auc = await aucOf(data, (user) => scorer.score(user, all));
      await scorer.close();
      assert.ok(auc > popularity + 0.2, `${config.embeddingOptimiser}: ${auc}, popularity ${popularity}`);
    }
  });

  test('validation ranks each item among those that its user has not had', async () => {
    const data = kinds();
    const training = await neuMf.open(data, small, 1);
    const before = await training.validate();
    const { epochs } = await train(training);
    const after = epochs.at(-1)?.metrics;
    await training.close();
    assert.ok((after?.['recall@10'] as number) > (before?.['recall@10'] as number) + 0.2);
    assert.ok((after?.['ndcg@10'] as number) <= (after?.['recall@10'] as number));
    const { validation: _, ...without } = data;
    const unjudged = await neuMf.open(without, small, 1);
    assert.equal(await unjudged.validate(), undefined);
    await unjudged.close();
  });

  test('the score is the same in company, and no candidates have none', async () => {
    const scorer = await NeuMfScorer.load(await trained(kinds(), { ...small, epochs: 2 }));
    const together = await scorer.score(3, all);
    for (const item of [0, 7, ITEMS - 1]) {
      const [alone] = await scorer.score(3, Int32Array.of(item));
      assert.ok(Math.abs((alone as number) - (together[item] as number)) < 1e-5);
    }
    assert.deepEqual(await scorer.score(3, new Int32Array()), new Float32Array());
    await scorer.close();
  });

  test('whoever is not known scores as the unknown user, and so do items', async () => {
    const scorer = await NeuMfScorer.load(await trained());
    const [a, b, c] = await Promise.all([-1, USERS, 99_999].map((user) => scorer.score(user, all)));
    assert.deepEqual(a, b);
    assert.deepEqual(b, c);
    const items = await scorer.score(0, Int32Array.of(-1, ITEMS, 99_999));
    assert.equal(new Set(items).size, 1);
    assert.ok(items.every(Number.isFinite));
    await scorer.close();
  });

  test('equal seed and data give equal bytes, another seed others', async () => {
    const short = { ...small, epochs: 2 };
    const [a, b, c] = [
      await trained(kinds(), short),
      await trained(kinds(), short),
      await trained(kinds(), short, 2),
    ];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a.items, c.items);
  });

  test('from a checkpoint it goes on to the same bytes', async () => {
    const short = { ...small, epochs: 3 };
    const saved: Uint8Array[] = [];
    const training = await neuMf.open(kinds(), short, 1);
    const history = await train(training, {
      checkpoints: { everySteps: 5, save: (checkpoint) => void saved.push(encodeCheckpoint(checkpoint)) },
    });
    const expected = await training.result();
    assert.ok(saved.length >= 4);
    for (const bytes of saved) {
      const resumed = await neuMf.open(kinds(), short, 1);
      assert.deepEqual(await train(resumed, { resumeFrom: decodeCheckpoint(bytes) }), history);
      assert.deepEqual(await resumed.result(), expected);
      await resumed.close();
    }
    const wider = await neuMf.open(kinds(), { ...short, factors: 5 }, 1);
    const other: Checkpoint = training.save();
    assert.throws(() => wider.restore(other), { code: 'MR_MODEL_CHECKPOINT', message: /userFactors is/ });
    await wider.close();
    await training.close();
  });

  test('a user who has had every item counts by their own items alone; where all have, training is refused', async () => {
    const everything = all.length;
    const greedy = Array.from(all, (item): [number, number] => [0, item]);
    const users = 2;
    const mixed = { users, items: ITEMS, train: pairsOf([...greedy, [1, 3], [1, 3], [1, 5]]) };
    const scorer = await NeuMfScorer.load(await trained(mixed, { ...small, epochs: 20 }));
    const [first, second] = [await scorer.score(0, all), await scorer.score(1, all)];
    await scorer.close();
    assert.equal(first.length, everything);
    assert.ok((second[3] as number) > (second[4] as number));
    await assert.rejects(neuMf.open({ users, items: ITEMS, train: pairsOf(greedy) }, small, 1), {
      code: 'MR_MODEL_DATA',
      message: /every user has had all 40 items/,
    });
  });

  test('a learning rate far too high ends as diverged', async () => {
    const training = await neuMf.open(kinds(), { ...small, learningRate: 1e30 }, 1);
    await assert.rejects(train(training), { code: 'MR_MODEL_DIVERGED' });
    await training.close();
  });

  test('data and configuration that make no model are refused', async () => {
    const data = kinds();
    const refused = (changed: Partial<NeuMfData>, message: RegExp) =>
      assert.rejects(neuMf.open({ ...data, ...changed }, small, 1), { code: 'MR_MODEL_DATA', message });
    await refused({ users: 5 }, /training users: id \d+ is not below 5/);
    await refused({ items: 5 }, /training items: id \d+ is not below 5/);
    await refused({ train: pairsOf([]) }, /the training has no pairs/);
    await refused({ validation: pairsOf([]) }, /the validation has no pairs/);
    const left = (pairs: number, id: number) => {
      return { offsets: new Int32Array(pairs + 1).fill(1, 1), ids: Int32Array.of(id) };
    };
    await refused({ left: left(3, 0) }, /items that were left are not given for each pair/);
    await refused(
      { left: left(data.train.user.length, ITEMS) },
      /items that were left: id 40 is not below 40/,
    );
    await refused({ train: { user: Int32Array.of(1, 2), item: Int32Array.of(1) } }, /differ in number/);
    const config = (changed: object) => neuMf.open(data, { ...small, ...changed }, 1);
    await assert.rejects(config({ embeddingOptimiser: 'sgd' }), {
      code: 'MR_MODEL_CONFIG',
      hint: 'It must be adam or row-wise-adagrad.',
    });
    await assert.rejects(config({ unknownShare: 2 }), { code: 'MR_MODEL_CONFIG' });
    await assert.rejects(
      NeuMfScorer.load({ ...(await trained(data, { ...small, epochs: 1 })), head: new Uint8Array(9) }),
      {
        code: 'MR_MODEL_UNREADABLE',
      },
    );
  });
});
