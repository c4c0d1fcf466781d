import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, restoreArray } from '../checkpoint.ts';
import { areaUnderCurve } from '../evaluation/classification.ts';
import { Session } from '../graph/session.ts';
import { seededRandom } from '../random.ts';
import { train } from '../training.ts';
import { readSide } from './batch.ts';
import { type DlrmConfig, dlrmDefaults } from './config.ts';
import type { DlrmData, Examples, Rows } from './data.ts';
import { forwardGraph } from './graphs.ts';
import { fitScales } from './normalisation.ts';
import { createParameters, dimensionsOf, type SideName } from './parameters.ts';
import { DlrmScorer, type TrainedDlrm } from './scorer.ts';
import { ITEMS, oneOf, shop, USERS } from './testing/shop.ts';
import { dlrm } from './train.ts';
import { sigmoid } from './validation.ts';

const small: Partial<DlrmConfig> = {
  dim: 4,
  bottomHidden: 8,
  topHidden: 16,
  batchSize: 128,
  epochs: 6,
  learningRate: 0.01,
  embeddingLearningRate: 0.1,
};

async function trained(data: DlrmData, config = small, seed = 1): Promise<TrainedDlrm> {
  const training = await dlrm.open(data, config, seed);
  try {
    await train(training);
    return await training.result();
  } finally {
    await training.close();
  }
}

/** Predictions of the validation examples, one request each. */
async function predicted(model: TrainedDlrm, { users, items }: DlrmData, { user, item }: Examples) {
  const scorer = await DlrmScorer.load(model);
  await scorer.prepare(items);
  const all: { click: number; conversion: number; revenue: number }[] = [];
  for (let i = 0; i < user.length; i++) {
    const one = await scorer.score(oneOf(users, user[i] as number), Int32Array.of(item[i] as number));
    const of = (values: Float32Array | undefined) => values?.[0] ?? Number.NaN;
    all.push({ click: of(one.click), conversion: of(one.conversion), revenue: of(one.revenue) });
  }
  await scorer.close();
  return all;
}

/** What the heads come to for the validation examples by the whole network, users and items row by row. */
async function wholeNetwork(checkpoint: Checkpoint, config: DlrmConfig): Promise<Float32Array> {
  const { users, items } = data;
  const dimensions = dimensionsOf(data);
  const parameters = createParameters(data, dimensions, config, seededRandom(0));
  parameters.dense.restore(checkpoint);
  restoreArray(checkpoint, 'embeddings', parameters.bags.table.weights);
  const session = await Session.create(forwardGraph(parameters, dimensions, config));
  const side = (name: SideName, rows: Rows, known: Int32Array, firstFeature: number, chosen: Int32Array) =>
    readSide({ name, rows, scales: fitScales(rows.dense, known), firstFeature }, parameters.bags, chosen)
      .feeds;
  const { heads } = await session.run({
    ...side('user', users, data.train.user, 0, validation.user),
    ...side('item', items, data.train.item, users.sparse.length, validation.item),
    ...parameters.dense.feeds(),
  });
  await session.close();
  return heads as Float32Array;
}

const data = shop();
const validation = data.validation as Examples;
const model = await trained(data);

suite('DLRM', () => {
  test('learns clicks, which popularity cannot rank, with either optimiser of the embeddings', async () => {
    const clicks = new Float64Array(ITEMS);
    data.train.item.forEach((item, i) => {
      clicks[item] = (clicks[item] as number) + (data.train.clicked[i] as number);
    });
    const labels = validation.clicked;
    const popularity = areaUnderCurve({
      predictions: Array.from(validation.item, (item) => clicks[item] as number),
      labels,
    });
    const adam = { ...small, embeddingOptimiser: 'adam', embeddingLearningRate: 0.01 } as const;
    for (const each of [model, await trained(data, adam)]) {
      const predictions = (await predicted(each, data, validation)).map(({ click }) => click);
      const auc = areaUnderCurve({ predictions, labels });
      assert.ok(auc > popularity + 0.15, `AUC ${auc}, of popularity ${popularity}`);
    }
  });

  test('conversions are learned of clicks, and revenue of conversions, in the unit that it has', async () => {
    const all = await predicted(model, data, validation);
    const clicked = all.filter((_, i) => validation.clicked[i] === 1);
    const converted = Array.from(validation.converted ?? []).filter((_, i) => validation.clicked[i] === 1);
    const auc = areaUnderCurve({
      predictions: clicked.map(({ conversion }) => conversion),
      labels: converted,
    });
    assert.ok(auc > 0.65, `AUC of conversions ${auc}`);
    const squared = await predicted(
      await trained(data, { ...small, revenueLoss: 'squared' }),
      data,
      validation,
    );
    for (const [loss, rows] of Object.entries({ 'log-normal': all, squared })) {
      const sold = rows.filter((_, i) => validation.converted?.[i] === 1 && validation.clicked[i] === 1);
      const amounts = Array.from(validation.revenue ?? []).filter(
        (_, i) => validation.converted?.[i] === 1 && validation.clicked[i] === 1,
      );
      const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
      const ratio = mean(sold.map(({ revenue }) => revenue)) / mean(amounts);
      assert.ok(ratio > 0.75 && ratio < 1.33, `${loss}: ${ratio} of the mean revenue`);
    }
  });

  test('what is prepared by item comes to the same as the whole network, within 1e-5', async () => {
    const config = { ...dlrmDefaults, ...small, epochs: 1 };
    const training = await dlrm.open(data, config, 3);
    await train(training);
    const metrics = await training.validate();
    const all = await predicted(await training.result(), data, validation);
    const heads = await wholeNetwork(training.save(), config);
    await training.close();
    all.forEach(({ click, conversion }, i) => {
      const [expectedClick, expectedConversion] = [heads[3 * i], heads[3 * i + 1]].map((logit) =>
        sigmoid(logit as number),
      );
      assert.ok(Math.abs(click - (expectedClick as number)) < 1e-5, `example ${i}: ${click}`);
      assert.ok(Math.abs(conversion - (expectedConversion as number)) < 1e-5, `example ${i}: ${conversion}`);
    });
    const predictions = all.map(({ click }) => click);
    const auc = areaUnderCurve({ predictions, labels: validation.clicked });
    assert.ok(Math.abs(auc - (metrics?.auc as number)) < 1e-5, 'validation runs the whole network');
  });

  test('a candidate scores the same in company, in any order, and twice', async () => {
    const scorer = await DlrmScorer.load(model);
    await scorer.prepare(data.items);
    const user = oneOf(data.users, 5);
    const { click } = await scorer.score(user, Int32Array.of(7, 0, ITEMS - 1, 7));
    const { click: alone } = await scorer.score(user, Int32Array.of(0));
    assert.ok(Math.abs((click?.[1] as number) - (alone?.[0] as number)) < 1e-6);
    assert.equal(click?.[0], click?.[3]);
    assert.deepEqual(await scorer.score(user, new Int32Array()), {
      click: new Float32Array(),
      conversion: new Float32Array(),
      revenue: new Float32Array(),
    });
    await scorer.close();
  });

  test('rows without a category, without values and without features have a score', async () => {
    const nothing: Rows = {
      count: 1,
      dense: {
        width: data.users.dense.width,
        values: new Float32Array(data.users.dense.width).fill(Number.NaN),
      },
      sparse: data.users.sparse.map(({ cardinality }) => ({
        cardinality,
        offsets: new Int32Array(2),
        ids: new Int32Array(),
      })),
    };
    const scorer = await DlrmScorer.load(model);
    await scorer.prepare(data.items);
    const { click } = await scorer.score(nothing, Int32Array.of(1, 2));
    assert.ok(click?.every((p) => p > 0 && p < 1));
    await scorer.close();
    const bare: Rows = { count: USERS, dense: { width: 0, values: new Float32Array() }, sparse: [] };
    const withoutUsers = { ...data, users: bare };
    const [first] = await predicted(await trained(withoutUsers, { ...small, epochs: 1 }), withoutUsers, {
      ...validation,
      user: Int32Array.of(0),
    });
    assert.ok((first?.click as number) > 0);
  });

  test('equal seed and data give equal bytes, another seed others', async () => {
    const short = { ...small, epochs: 1 };
    const [a, b, c] = [await trained(data, short), await trained(data, short), await trained(data, short, 2)];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a.embeddings, c.embeddings);
  });

  test('from a checkpoint it goes on to the same bytes', async () => {
    for (const embeddingOptimiser of ['adam', 'row-wise-adagrad'] as const) {
      const short = { ...small, epochs: 2, embeddingOptimiser };
      const saved: Uint8Array[] = [];
      const training = await dlrm.open(data, short, 1);
      const history = await train(training, {
        checkpoints: { everySteps: 9, save: (checkpoint) => void saved.push(encodeCheckpoint(checkpoint)) },
      });
      const expected = await training.result();
      assert.ok(saved.length >= 2);
      for (const bytes of saved) {
        const resumed = await dlrm.open(data, short, 1);
        assert.deepEqual(await train(resumed, { resumeFrom: decodeCheckpoint(bytes) }), history);
        assert.deepEqual(await resumed.result(), expected);
        await resumed.close();
      }
      const wider = await dlrm.open(data, { ...short, dim: 5 }, 1);
      assert.throws(() => wider.restore(training.save()), {
        code: 'MR_MODEL_CHECKPOINT',
        message: /embeddings is/,
      });
      await wider.close();
      await training.close();
    }
  });

  test('heads are those of the data; a validation of one class has no AUC', async () => {
    const { converted: _, revenue: __, ...clicks } = data.train;
    const judged = { ...validation, clicked: new Uint8Array(validation.user.length) };
    const training = await dlrm.open(
      { ...data, train: clicks, validation: judged },
      { ...small, epochs: 1 },
      1,
    );
    const { epochs } = await train(training);
    assert.deepEqual(Object.keys(epochs[0]?.metrics ?? {}), ['log loss']);
    assert.deepEqual((await training.result()).heads, ['click']);
    await training.close();
  });

  test('a learning rate far too high ends as diverged', async () => {
    const training = await dlrm.open(data, { ...small, learningRate: 1e30 }, 1);
    await assert.rejects(train(training), { code: 'MR_MODEL_DIVERGED' });
    await training.close();
  });

  test('rows and candidates that do not fit the model are refused', async () => {
    const scorer = await DlrmScorer.load(model);
    const user = oneOf(data.users, 0);
    const refused = { code: 'MR_MODEL_INPUT' };
    await assert.rejects(scorer.score(user, Int32Array.of(0)), refused);
    await assert.rejects(scorer.prepare(data.users), refused);
    await scorer.prepare(data.items);
    await assert.rejects(scorer.score(user, Int32Array.of(ITEMS)), refused);
    await assert.rejects(scorer.score(data.users, Int32Array.of(0)), refused);
    const infinite = {
      width: user.dense.width,
      values: user.dense.values.map(() => Number.POSITIVE_INFINITY),
    };
    await assert.rejects(scorer.score({ ...user, dense: infinite }, Int32Array.of(0)), {
      code: 'MR_MODEL_DATA',
    });
    await scorer.close();
    await assert.rejects(DlrmScorer.load({ ...model, request: new Uint8Array(9) }), {
      code: 'MR_MODEL_UNREADABLE',
    });
  });

  test('data that nothing can be learned from is refused', async () => {
    const { train: examples, users } = data;
    const count = examples.user.length;
    const refused = (changed: Partial<DlrmData>, message: RegExp) =>
      assert.rejects(dlrm.open({ ...data, ...changed }, small, 1), { code: 'MR_MODEL_DATA', message });
    const learned = (changed: Partial<Examples>, message: RegExp) =>
      refused({ train: { ...examples, ...changed } }, message);
    await learned({ user: new Int32Array() }, /has no examples/);
    await learned({ item: new Int32Array(3) }, /differ in length/);
    await learned({ user: new Int32Array(count).fill(USERS) }, /training users: \d+ is not from 0 to/);
    await learned({ clicked: new Uint8Array(count) }, /for click, all are 0/);
    await learned({ clicked: new Uint8Array(count).fill(2) }, /clicks: 2 is not from 0 to 1/);
    await learned({ converted: new Uint8Array(count).fill(1) }, /for conversion, all are 1/);
    await learned({ converted: new Uint8Array(count) }, /for conversion, all are 0/);
    await learned({ weight: new Float32Array(count) }, /for click, there are none/);
    await learned({ weight: new Float32Array(count).fill(Number.NaN) }, /a weight is NaN/);
    await learned({ revenue: new Float32Array(count) }, /revenue of a conversion is 0/);
    const infinite = users.dense.values.slice();
    infinite[1] = Number.NEGATIVE_INFINITY;
    await refused(
      { users: { ...users, dense: { ...users.dense, values: infinite } } },
      /users: dense value 0 is -Infinity/,
    );
    const [feature] = users.sparse as [Rows['sparse'][number]];
    await refused({ users: { ...users, sparse: [{ ...feature, cardinality: 1 }] } }, /sparse feature 0: \d/);
    await refused({ users: { ...users, sparse: [{ ...feature, offsets: new Int32Array(2) }] } }, /offsets/);
    await assert.rejects(dlrm.open(data, { ...small, revenueLoss: 'poisson' as 'squared' }, 1), {
      code: 'MR_MODEL_CONFIG',
    });
  });
});
