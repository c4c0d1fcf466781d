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
const TREES = 3;
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
const STEPS = 2 + 3 * TREES;

test('a training that is cut off in any phase comes to the same version, and does no step twice', async () => {
  const whole = await open();
  assert.deepEqual([whole.epochs, whole.stepsPerEpoch], [1, STEPS]);
  const checkpoints: Checkpoint[] = [];
  const save = (checkpoint: Checkpoint) => void checkpoints.push(stored(checkpoint));
  const { epochs } = await train(whole, { checkpoints: { everySteps: 1, save } });
  const expected = textOf(await whole.result());
  await whole.close();
  assert.equal(checkpoints.length, STEPS);
  assert.deepEqual(Object.keys(epochs[0]?.metrics ?? {}), ['negativeLogLoss']);
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
    ['calibrated after all', () => open({ calibration: 'none' }), () => open(), 2 + TREES],
    ['without base models', () => open(), () => open({}, []), STEPS],
    ['with base models', () => open({}, []), () => open(), 3 * TREES],
    ['of more trees', () => open(), () => open({ trees: TREES + 1 }), STEPS],
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

test('a ranker without base models has the phases of its folds and its trees; without calibration the trees alone', async () => {
  const steps = async (changes: ModelConfig) => {
    const training = await open(changes, []);
    const { stepsPerEpoch } = training;
    await train(training);
    const files = (await training.result()).files;
    await training.close();
    const { calibrator } = JSON.parse(Buffer.from(files[RANKER_FILE] ?? []).toString());
    return [stepsPerEpoch, calibrator?.kind ?? null];
  };
  assert.deepEqual(await steps({}), [3 * TREES, 'platt']);
  assert.deepEqual(await steps({ calibration: 'isotonic' }), [3 * TREES, 'isotonic']);
  assert.deepEqual(await steps({ calibration: 'none' }), [TREES, null]);
  assert.deepEqual(await steps({ loss: 'lambdamart' }), [TREES, null]);
});
