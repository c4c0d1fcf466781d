import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type Json,
  restoreArray,
  unusable,
} from './checkpoint.ts';
import { seededRandom } from './random.ts';
import { type EpochSummary, type Training, type TrainingProgress, train } from './training.ts';

type Weights = { readonly slope: number; readonly intercept: number };

/** y = 3 x - 1 by stochastic gradient descent on x = 0, 1 ... 7; the error of a fixed point validates. */
function linearTraining(learningRate = 0.01, epochs = 5): Training<Weights> {
  const weights = new Float64Array(2);
  const points = Int32Array.from({ length: 8 }, (_, x) => x);
  const random = seededRandom(1);
  let at = 0;
  return {
    epochs,
    stepsPerEpoch: points.length,
    provider: 'cpu',
    fallbackReason: undefined,
    async step() {
      if (at % points.length === 0) random.shuffle(points);
      const x = points[at++ % points.length] as number;
      const [slope, intercept] = weights as unknown as [number, number];
      const error = slope * x + intercept - (3 * x - 1);
      weights[0] = slope - learningRate * error * x;
      weights[1] = intercept - learningRate * error;
      return { loss: error ** 2 };
    },
    async validate() {
      return { closeness: -Math.abs((weights[0] as number) * 10 + (weights[1] as number) - 29) };
    },
    save: () => ({
      arrays: new Map<string, Float64Array | Int32Array>([
        ['weights', weights.slice()],
        ['points', points.slice()],
      ]),
      values: { at, random: [...random.save()] },
    }),
    restore(checkpoint: Checkpoint) {
      restoreArray(checkpoint, 'weights', weights);
      restoreArray(checkpoint, 'points', points);
      const values = checkpoint.values as { at: number; random: number[] };
      if (values.at === undefined) throw unusable('it has no position');
      at = values.at;
      random.restore(values.random);
    },
    result: async () => ({ slope: weights[0] as number, intercept: weights[1] as number }),
    close: async () => undefined,
  };
}

suite('the training loop', () => {
  test('steps through all epochs, tells of each, and learns', async () => {
    const training = linearTraining(0.02, 200);
    const steps: TrainingProgress[] = [];
    const epochs: EpochSummary[] = [];
    const history = await train(training, {
      onProgress: (progress) => steps.push(progress),
      onEpoch: (epoch) => epochs.push(epoch),
    });
    const { slope, intercept } = await training.result();
    assert.ok(Math.abs(slope - 3) < 1e-2 && Math.abs(intercept + 1) < 1e-2, `${slope} ${intercept}`);
    assert.equal(steps.length, 1600);
    assert.deepEqual(
      [steps.at(7)?.epoch, steps.at(8)?.epoch, steps.at(-1)?.step, steps[0]?.steps],
      [1, 2, 1600, 1600],
    );
    assert.deepEqual(history, { epochs, chosenEpoch: 200, stoppedEarly: false });
    const first = steps.slice(0, 8).reduce((sum, { loss }) => sum + loss, 0) / 8;
    assert.ok(Math.abs((epochs[0]?.loss as number) - first) < 1e-9 * first);
  });

  test('a loss that is not finite ends it', async () => {
    await assert.rejects(train(linearTraining(10, 500)), {
      code: 'MR_MODEL_DIVERGED',
      message: /at step \d+, in epoch \d+/,
    });
  });

  test('early stopping goes back to the best weights', async () => {
    const training = linearTraining();
    const values = [0.1, 0.3, 0.2, 0.25, 0.9];
    const kept: Json[] = [];
    const judged = {
      ...training,
      async validate() {
        kept.push([...(training.save().arrays.get('weights') as Float64Array)]);
        return { recall: values[kept.length - 1] as number };
      },
    };
    const history = await train(judged, { earlyStopping: { metric: 'recall', patience: 2 } });
    assert.equal(history.epochs.length, 4);
    assert.equal(history.chosenEpoch, 2);
    assert.equal(history.stoppedEarly, true);
    assert.deepEqual([...(training.save().arrays.get('weights') as Float64Array)], kept[1]);
  });

  test('early stopping on what validation does not give is refused', async () => {
    const control = { earlyStopping: { metric: 'recall', patience: 1 } };
    await assert.rejects(train(linearTraining(), control), { code: 'MR_MODEL_DATA', message: /closeness/ });
    const blind = { ...linearTraining(), validate: async () => undefined };
    await assert.rejects(train(blind, control), { code: 'MR_MODEL_DATA', message: /no validation rows/ });
  });

  test('a signal stops it between two steps', async () => {
    const stop = new AbortController();
    let done = 0;
    const running = train(linearTraining(), {
      signal: stop.signal,
      onProgress: ({ step }) => {
        done = step;
        if (step === 3) stop.abort(new Error('enough'));
      },
    });
    await assert.rejects(running, /enough/);
    assert.equal(done, 3);
  });

  test('from each checkpoint it goes on to the same result, best weights included', async () => {
    for (const earlyStopping of [undefined, { metric: 'closeness', patience: 2 }]) {
      const saved: Uint8Array[] = [];
      const rule = earlyStopping === undefined ? {} : { earlyStopping };
      const undisturbed = linearTraining(0.018, 12);
      const history = await train(undisturbed, {
        ...rule,
        checkpoints: { everySteps: 5, save: (checkpoint) => void saved.push(encodeCheckpoint(checkpoint)) },
      });
      assert.ok(saved.length > 4);
      for (const bytes of saved) {
        const resumed = linearTraining(0.018, 12);
        const again = await train(resumed, { ...rule, resumeFrom: decodeCheckpoint(bytes) });
        assert.deepEqual(again, history);
        assert.deepEqual(await resumed.result(), await undisturbed.result());
      }
    }
  });
});

suite('a checkpoint', () => {
  const checkpoint: Checkpoint = {
    arrays: new Map<string, Float32Array | Uint32Array | Float64Array>([
      ['a', Float32Array.of(1.5, Number.NaN, -0)],
      ['empty', new Uint32Array()],
      ['b', Float64Array.of(Math.PI)],
    ]),
    values: { name: 'ü', list: [1, null] },
  };

  test('comes back as it was written', () => {
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint)), checkpoint);
  });

  test('is refused when cut off, of another kind, or of other shapes', () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (const damaged of [bytes.subarray(0, bytes.length - 8), bytes.subarray(0, 20), Buffer.from('{}')]) {
      assert.throws(() => decodeCheckpoint(damaged), { code: 'MR_MODEL_CHECKPOINT' });
    }
    assert.throws(() => restoreArray(checkpoint, 'a', new Float32Array(4)), { code: 'MR_MODEL_CHECKPOINT' });
    assert.throws(() => restoreArray(checkpoint, 'a', new Int32Array(3)), { code: 'MR_MODEL_CHECKPOINT' });
    assert.throws(() => restoreArray(checkpoint, 'none', new Int32Array(3)), { message: /none is nothing/ });
  });
});
