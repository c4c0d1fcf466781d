import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../checkpoint.ts';
import { itemKnnModel } from '../../item-knn/model.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import type { ModelConfig } from '../../parameters.ts';
import { seededRandom } from '../../random.ts';
import { datasetOf, retrievalOf, rowsOf, type ShownList } from '../../ranking/testing/shown-lists.ts';
import { type Training, train } from '../../training.ts';
import { RANKER_FILE } from './files.ts';
import { trainRanker } from './training.ts';

const ITEMS = 8;
const TREES = 25;
/** Each round adds ten trees at most. */
const ROUNDS = 3;
const config = { trees: TREES, minRows: 2, leaves: 4, rowShare: 0.7 };

function dataset() {
  const random = seededRandom(1);
  const baskets = Array.from({ length: 30 }, () => Array.from({ length: 4 }, () => random.integer(ITEMS)));
  const lists = Array.from({ length: 40 }, (_, user): ShownList => {
    const rows = Array.from({ length: 4 }, (_, position) => {
      const value = random.uniform();
      return {
        values: [value],
        grade: Number(random.uniform() < value),
        item: random.integer(ITEMS),
        position,
      };
    });
    return { user, history: [random.integer(ITEMS)], rows };
  });
  const rows = rowsOf([{ name: 'f' }], lists, ITEMS);
  const [before, whole] = [retrievalOf(baskets.slice(0, 15), ITEMS), retrievalOf(baskets, ITEMS)];
  return datasetOf(rows, { validation: rows, retrieval: { before, whole } });
}

const open = (changes: ModelConfig = {}, bases: readonly RetrievalModel[] = [itemKnnModel]) =>
  trainRanker(dataset(), { bases, config: { ...config, ...changes }, seed: 1 });

const textOf = ({ files }: TrainedModel): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]),
  );

/** Written and read again, as a process that goes on finds it. */
const stored = (checkpoint: Checkpoint) => decodeCheckpoint(encodeCheckpoint(checkpoint));

/** Steps of a base model before and as a whole, of the trees of two folds, and of those that are served. */
const STEPS = 2 + 3 * ROUNDS;

test('a training that is cut off in any phase comes to the same version, and does no step twice', async () => {
  const whole = await open();
  assert.deepEqual([whole.stepsBefore, whole.epochs, whole.stepsPerEpoch], [2, ROUNDS, 3]);
  const checkpoints: Checkpoint[] = [];
  const save = (checkpoint: Checkpoint) => void checkpoints.push(stored(checkpoint));
  const { epochs } = await train(whole, { checkpoints: { everySteps: 1, save } });
  const expected = textOf(await whole.result());
  await whole.close();
  assert.equal(checkpoints.length, STEPS);
  assert.equal(epochs.length, ROUNDS);
  for (const { metrics } of epochs) assert.deepEqual(Object.keys(metrics ?? {}), ['ndcg@10', 'auc']);
  assert.deepEqual(
    Object.keys(expected).toSorted(),
    [
      'base-item-knn-items.weights',
      'base-item-knn-vocabulary.json',
      'ranker.json',
      'ranker.trees',
    ].toSorted(),
  );
  for (const [step, resumeFrom] of checkpoints.entries()) {
    const training = await open();
    let steps = 0;
    const again: Checkpoint[] = [];
    const { epochs: resumed } = await train(training, {
      resumeFrom,
      onProgress: () => steps++,
      checkpoints: { everySteps: 1, save: (each) => void again.push(stored(each)) },
    });
    assert.equal(steps, STEPS - step - 1);
    assert.deepEqual(textOf(await training.result()), expected, `after ${step + 1} steps`);
    assert.deepEqual(again, checkpoints.slice(step + 1));
    assert.deepEqual(resumed, epochs);
    await training.close();
  }
});

test('what is restored and saved again without a step is the same checkpoint', async () => {
  const first = await open();
  for (let step = 0; step < 4; step++) await first.step();
  const saved = stored(first.save());
  const second = await open();
  // Even in the place of what it has done meanwhile.
  for (let step = 0; step < 7; step++) await second.step();
  second.restore(saved);
  assert.deepEqual(stored(second.save()), saved);
  for (const training of [first, second]) for (let step = 4; step < STEPS; step++) await training.step();
  assert.deepEqual(textOf(await second.result()), textOf(await first.result()));
  await first.close();
  await second.close();
});

async function after(steps: number, training: Training<TrainedModel>): Promise<Checkpoint> {
  for (let step = 0; step < steps; step++) await training.step();
  const checkpoint = stored(training.save());
  await training.close();
  return checkpoint;
}

test('a checkpoint of other phases is refused, in whichever it was saved', async () => {
  const others: readonly [
    string,
    () => Promise<Training<TrainedModel>>,
    () => Promise<Training<TrainedModel>>,
    number,
  ][] = [
    ['without calibration', () => open(), () => open({ calibration: 'none' }), STEPS],
    ['calibrated after all', () => open({ calibration: 'none' }), () => open(), 2 + ROUNDS],
    ['without base models', () => open(), () => open({}, []), STEPS],
    ['with base models', () => open({}, []), () => open(), 3 * ROUNDS],
    ['of more trees', () => open(), () => open({ trees: TREES + 10 }), STEPS],
  ];
  for (const [name, from, to, steps] of others) {
    for (let step = 1; step <= steps; step++) {
      const checkpoint = await after(step, await from());
      const training = await to();
      const going = async () => {
        training.restore(checkpoint);
        await training.step();
        await training.result();
      };
      await assert.rejects(going, { code: 'MR_MODEL_CHECKPOINT' }, `${name}, after ${step} steps`);
      await training.close();
    }
  }
});

test('a checkpoint that lacks what a phase came to is refused', async () => {
  const { arrays, values } = await after(5, await open());
  const lacking = new Map([...arrays].filter(([name]) => name !== 'ended/1/vocabulary.json'));
  assert.equal(lacking.size, arrays.size - 1);
  const training = await open();
  assert.throws(() => training.restore({ arrays: lacking, values }), { code: 'MR_MODEL_CHECKPOINT' });
  await training.close();
});

test('a ranker without base models grows trees of its folds beside its own; without calibration its own alone', async () => {
  const steps = async (changes: ModelConfig) => {
    const training = await open(changes, []);
    const { stepsPerEpoch } = training;
    await train(training);
    const files = (await training.result()).files;
    await training.close();
    const { calibrator } = JSON.parse(Buffer.from(files[RANKER_FILE] ?? []).toString());
    return [stepsPerEpoch, calibrator?.kind ?? null];
  };
  assert.deepEqual(await steps({}), [3, 'platt']);
  assert.deepEqual(await steps({ calibration: 'isotonic' }), [3, 'isotonic']);
  assert.deepEqual(await steps({ calibration: 'none' }), [1, null]);
  assert.deepEqual(await steps({ loss: 'lambdamart' }), [1, null]);
});

/** Counts the trainings of a base model that were opened, and how often each was closed; opening number `failing` fails. */
function counted(failing?: number) {
  const closed: number[] = [];
  const base: RetrievalModel = {
    ...itemKnnModel,
    async open(...what) {
      if (closed.length === failing) throw new Error('cannot be opened');
      const training = await itemKnnModel.open(...what);
      const place = closed.push(0) - 1;
      const close = training.close.bind(training);
      training.close = async () => {
        closed[place] = (closed[place] as number) + 1;
        await close();
      };
      return training;
    },
  };
  return { base, closed };
}

test('each base training is opened once and closed once, whenever the ranker is closed', async () => {
  for (let steps = 0; steps <= STEPS; steps++) {
    const { base, closed } = counted();
    await after(steps, await open({}, [base]));
    assert.deepEqual(closed, [1, 1], `closed after ${steps} steps`);
  }
});

test('what a checkpoint leaps over is closed, and what it goes on with is there', async () => {
  const whole = await open();
  await train(whole);
  const expected = textOf(await whole.result());
  await whole.close();
  for (const [steps, opened] of [
    [1, 3],
    [2, 2],
    [4, 2],
  ] as const) {
    const checkpoint = await after(steps, await open());
    const { base, closed } = counted();
    const training = await open({}, [base]);
    training.restore(checkpoint);
    for (let step = steps; step < STEPS; step++) await training.step();
    assert.deepEqual(textOf(await training.result()), expected);
    await training.close();
    assert.deepEqual(closed, new Array(opened).fill(1), `from ${steps} steps`);
  }
});

test('where a base training cannot be opened, those that were are closed', async () => {
  const { base, closed } = counted(1);
  await assert.rejects(open({}, [base]), /cannot be opened/);
  assert.deepEqual(closed, [1]);
});
