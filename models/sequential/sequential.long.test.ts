import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../checkpoint.ts';
import { type Execution, train } from '../training.ts';
import type { SequentialConfig } from './config.ts';
import type { SequentialData } from './data.ts';
import { SequentialEncoder } from './encoder.ts';
import { sequential, type TrainedSequential } from './train.ts';

const ITEMS = 12;

/** Users go around the circle of items, each from another place and by one or two steps at a time. */
function cycles(): SequentialData {
  const ids: number[] = [];
  const offsets = [0];
  const next: number[] = [];
  for (let user = 0; user < 48; user++) {
    const [start, stride, length] = [user % ITEMS, 1 + (user % 2), 3 + (user % 9)];
    const at = (i: number) => (start + i * stride) % ITEMS;
    for (let i = 0; i < length; i++) ids.push(at(i));
    next.push(at(length));
    offsets.push(ids.length);
  }
  return {
    items: ITEMS,
    histories: { offsets: Int32Array.from(offsets), ids: Int32Array.from(ids) },
    validation: { users: Int32Array.from(next, (_, user) => user), items: Int32Array.from(next) },
  };
}

const small: Partial<SequentialConfig> = {
  dim: 16,
  hidden: 32,
  historyLength: 8,
  batchRows: 8,
  epochs: 40,
  learningRate: 0.01,
  warmUpSteps: 10,
  dropout: 0.1,
};

async function trained(
  config = small,
  seed = 1,
  execution: Execution = {},
): Promise<TrainedSequential & { ndcg: number }> {
  const training = await sequential.open(cycles(), config, seed, execution);
  try {
    const { epochs } = await train(training);
    return { ...(await training.result()), ndcg: epochs.at(-1)?.metrics?.['ndcg@10'] as number };
  } finally {
    await training.close();
  }
}

const model = await trained();

/** Scores of all items for each history, which is newest first. */
async function scores(histories: number[][]): Promise<number[][]> {
  const { dim, itemVectors, userTower } = model;
  const encoder = await SequentialEncoder.load(userTower);
  const vectors = await encoder.encode(histories);
  await encoder.close();
  return histories.map((_, row) =>
    Array.from({ length: ITEMS }, (_, item) => {
      let score = 0;
      for (let k = 0; k < dim; k++) {
        score += (vectors[row * dim + k] as number) * (itemVectors[item * dim + k] as number);
      }
      return score;
    }),
  );
}

const best = (row: readonly number[] | undefined) => row?.indexOf(Math.max(...(row ?? [])));

suite('the sequential model', () => {
  test('learns what comes next from the order of what was', async () => {
    assert.ok(model.ndcg > 0.9, `NDCG@10 ${model.ndcg}`);
    const [byOne, byTwo, backToBack] = await scores([
      [6, 5, 4, 3],
      [7, 5, 3],
      [1, 0, 11, 10, 9, 8, 7, 6, 5],
    ]);
    assert.deepEqual([best(byOne), best(byTwo), best(backToBack)], [7, 9, 2]);
  });

  test('padding changes nothing, no history gives zeros, and what is too old is not seen', async () => {
    const newest = [6, 5, 4, 3, 2, 1, 0, 11];
    const [alone] = await scores([[6, 5]]);
    const [together, none, full, longer] = await scores([[6, 5], [], newest, [...newest, 3, 3]]);
    for (const [item, score] of (together ?? []).entries()) {
      assert.ok(Math.abs(score - (alone?.[item] as number)) < 1e-5, `item ${item}`);
    }
    assert.deepEqual(none, new Array(ITEMS).fill(0));
    assert.deepEqual(full, longer);
  });

  test('equal seed and data give equal bytes, another seed others', async () => {
    const short = { ...small, epochs: 3 };
    const [a, b, c] = [await trained(short), await trained(short), await trained(short, 2)];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a.itemVectors, c.itemVectors);
  });

  test('one, two and three threads give equal bytes', async () => {
    const short = { ...small, epochs: 3 };
    const alone = await trained(short);
    for (const threads of [2, 3]) assert.deepEqual(await trained(short, 1, { threads }), alone);
  });

  test('but for rounding and dropout, the number of shards makes no difference', async () => {
    const steps = async (shards: number, threads: number) => {
      const config = { ...small, dropout: 0, shards };
      const training = await sequential.open(cycles(), config, 1, { threads });
      const losses: number[] = [];
      for (let step = 0; step < 12; step++) losses.push((await training.step()).loss);
      await training.close();
      return losses;
    };
    const whole = await steps(1, 1);
    for (const shards of [3, 8]) {
      for (const [step, loss] of (await steps(shards, 2)).entries()) {
        assert.ok(Math.abs(loss - (whole[step] as number)) < 1e-4, `${shards} shards, step ${step}: ${loss}`);
      }
    }
  });

  test('a shard that fails on any thread fails the step, and the threads end', async () => {
    const data = cycles();
    const training = await sequential.open(data, small, 1, { threads: 3 });
    await training.step();
    data.histories.ids.fill(ITEMS);
    await assert.rejects(training.step(), { code: 'MR_MODEL_INPUT' });
    await training.close();
  });

  test('from a checkpoint it goes on to the same bytes, on another number of threads as well', async () => {
    const short = { ...small, epochs: 4 };
    const saved: Uint8Array[] = [];
    const training = await sequential.open(cycles(), short, 1);
    const history = await train(training, {
      checkpoints: { everySteps: 3, save: (checkpoint) => void saved.push(encodeCheckpoint(checkpoint)) },
    });
    const expected = await training.result();
    assert.ok(saved.length >= 4);
    for (const [i, bytes] of saved.entries()) {
      const resumed = await sequential.open(cycles(), short, 1, { threads: i === 0 ? 2 : 1 });
      assert.deepEqual(await train(resumed, { resumeFrom: decodeCheckpoint(bytes) }), history);
      assert.deepEqual(await resumed.result(), expected);
      await resumed.close();
    }
    const wider = await sequential.open(cycles(), { ...short, dim: 32 }, 1);
    const other: Checkpoint = training.save();
    assert.throws(() => wider.restore(other), { code: 'MR_MODEL_CHECKPOINT', message: /items is/ });
    await wider.close();
    await training.close();
  });

  test('a damaged user tower, and an item that there is not, are refused', async () => {
    await assert.rejects(SequentialEncoder.load(new Uint8Array(9)), { code: 'MR_MODEL_UNREADABLE' });
    await assert.rejects(scores([[ITEMS]]), { code: 'MR_MODEL_INPUT' });
  });

  test('a learning rate far too high ends as diverged', async () => {
    const training = await sequential.open(cycles(), { ...small, learningRate: 1e30, warmUpSteps: 0 }, 1);
    await assert.rejects(train(training), { code: 'MR_MODEL_DIVERGED' });
    await training.close();
  });

  test('data and configuration that make no model are refused', async () => {
    const data = cycles();
    const refused = (changed: Partial<SequentialData>, message: RegExp) =>
      assert.rejects(sequential.open({ ...data, ...changed }, small, 1), { code: 'MR_MODEL_DATA', message });
    await refused({ items: 5 }, /id \d+ is not below 5/);
    await refused(
      { histories: { offsets: Int32Array.of(0, 1), ids: Int32Array.of(0) } },
      /no history has two/,
    );
    await refused({ histories: { offsets: Int32Array.of(0, 9), ids: Int32Array.of(0) } }, /offsets/);
    await refused({ validation: { users: new Int32Array(), items: new Int32Array() } }, /no users/);
    await assert.rejects(sequential.open(data, { ...small, heads: 3 }, 1), {
      code: 'MR_MODEL_CONFIG',
      message: /heads is 3/,
    });
  });
});
