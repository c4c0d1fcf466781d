import assert from 'node:assert/strict';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadModelModules, type ModelConfig, type Training } from '#models';
import { takeSnapshot, withDuckDb } from '#offline';
import { fillSmallWorld, openSmallWorld } from '#offline/testing';
import { createLogger, fingerprint, InputError, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Snapshot } from '#schemas';
import { RunThread, type TrainingOptions, trainFromSnapshot } from './run-thread.ts';
import { asMemoryError, withProviderErrors } from './training-faults.ts';

const config = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 2 };

async function snapshotted(t: TestContext) {
  const dataDirectory = temporaryDirectory(t);
  const opened = await openSmallWorld(dataDirectory);
  await fillSmallWorld(opened);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const snapshot = await takeSnapshot({ ...opened, clock: systemClock, logger });
  await opened.log.close();
  return { dataDirectory, snapshot };
}

/** The snapshot with other examples, and the hashes of those: what was written so, not what was damaged. */
async function rewritten(dataDirectory: string, snapshot: Snapshot, select: string): Promise<Snapshot> {
  const directory = join(dataDirectory, snapshot.directory);
  const path = join(directory, 'examples.parquet');
  await withDuckDb(join(dataDirectory, 'scratch'), async (database) => {
    await database.run(
      `COPY (${select.replace('examples', `read_parquet('${path}')`)}) TO '${path}.new' (FORMAT parquet)`,
    );
  });
  renameSync(`${path}.new`, path);
  const { sha256, bytes } = await fingerprint(path);
  const files = snapshot.files.map((file) =>
    file.name === 'examples.parquet' ? { ...file, sha256, bytes } : file,
  );
  return { ...snapshot, files };
}

/** The training fails as expected, and leaves no version. */
async function refused(
  { dataDirectory, snapshot }: { readonly dataDirectory: string; readonly snapshot: Snapshot },
  code: string,
  options: Partial<TrainingOptions> = {},
): Promise<void> {
  const training = trainFromSnapshot(snapshot, { dataDirectory, seed: 1, config, ...options });
  await assert.rejects(training, { code });
  assert.ok(!existsSync(join(dataDirectory, 'versions')), 'nothing is left of it');
}

test('a snapshot of another version of a view, or of one that was declared otherwise, is refused', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const [first, ...rest] = snapshot.views;
  assert.ok(first);
  const older = { ...snapshot, views: [{ ...first, version: first.version - 1 }, ...rest] };
  await refused({ dataDirectory, snapshot: older }, 'MR_TRAINING_FEATURES');
  const changed = { ...snapshot, views: [{ ...first, declaration: '0123' }, ...rest] };
  await refused({ dataDirectory, snapshot: changed }, 'MR_TRAINING_FEATURES');
  await refused({ dataDirectory, snapshot: { ...snapshot, views: rest } }, 'MR_TRAINING_FEATURES');
});

test('a snapshot without a column that is learned from is refused', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const without = await rewritten(
    dataDirectory,
    snapshot,
    'SELECT * EXCLUDE user_recent_items FROM examples',
  );
  await refused({ dataDirectory, snapshot: without }, 'MR_TRAINING_FEATURES');
});

test('weights that are no numbers are refused', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const select = `SELECT * REPLACE (CASE WHEN item_id = 'i1' THEN 'nan'::FLOAT ELSE weight END AS weight) FROM examples`;
  const odd = await rewritten(dataDirectory, snapshot, select);
  await refused({ dataDirectory, snapshot: odd }, 'MR_TRAINING_NOT_FINITE');
});

test('examples of one item alone are refused: there is nothing to tell apart', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const alike = await rewritten(dataDirectory, snapshot, `SELECT * REPLACE ('i1' AS item_id) FROM examples`);
  await refused({ dataDirectory, snapshot: alike }, 'MR_TRAINING_ONE_CLASS');
});

test('without validation or test rows nothing would say how good the model is', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const some = await rewritten(dataDirectory, snapshot, `SELECT * FROM examples WHERE split <> 'validation'`);
  const validated = { judgedBy: 'validated', patience: 2 } as const;
  await refused({ dataDirectory, snapshot: some }, 'MR_TRAINING_NOTHING_HELD_OUT', validated);
  const none = await rewritten(dataDirectory, some, `SELECT * FROM examples WHERE split <> 'test'`);
  await refused({ dataDirectory, snapshot: none }, 'MR_TRAINING_NOTHING_HELD_OUT');
});

test('a loss that diverges ends the training', async (t) => {
  const opened = await snapshotted(t);
  await refused(opened, 'MR_MODEL_DIVERGED', { config: { ...config, learningRate: 1e30, epochs: 20 } });
});

test('a parameter that the model does not have is refused, not passed over', async (t) => {
  const opened = await snapshotted(t);
  const misspelt = { ...config, learningrate: 0.1 } as ModelConfig;
  await refused(opened, 'MR_MODEL_CONFIG', { config: misspelt });
});

test('a thread without memory fails with a code, and so does an array that can not be had', async (t) => {
  const opened = await snapshotted(t);
  // Enough to begin: with less, V8 may end the whole process before the thread can fail.
  const limits = { maxOldGenerationSizeMb: 11, maxYoungGenerationSizeMb: 1 };
  await refused(opened, 'MR_TRAINING_OUT_OF_MEMORY', { limits });
  const memory = { code: 'MR_TRAINING_OUT_OF_MEMORY' };
  assert.throws(() => {
    try {
      new Float32Array(2 ** 50);
    } catch (error) {
      throw asMemoryError(error);
    }
  }, memory);
  const other = new TypeError('no function');
  assert.equal(asMemoryError(other), other);
});

test('in place of a provider that is not there the CPU trains, and says why', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const execution = { provider: 'cuda' } as const;
  const thread = new RunThread({ snapshot, dataDirectory, seed: 1, config, execution });
  const { provider, fallbackReason } = await thread.train();
  await thread.close();
  // Where there is a CUDA device, it is used and there is no reason to give.
  assert.equal(provider === 'cuda', fallbackReason === undefined);
  assert.match(fallbackReason ?? 'cuda', /cuda/);
});

test('what fails in a further thread of a training fails the training, and all of its threads end', async (t) => {
  const opened = await snapshotted(t);
  const diverging = { dim: 8, historyLength: 5, epochs: 20, learningRate: 1e30, warmUpSteps: 0 };
  const execution = { threads: 3 };
  await refused(opened, 'MR_MODEL_DIVERGED', { model: 'sequential', config: diverging, execution });
});

test('a provider that fails in the midst of a training may be tried again; one that never ran is no passing fault', async () => {
  let steps = 0;
  const failing: Training<void> = {
    epochs: 1,
    stepsPerEpoch: 5,
    provider: 'webgpu',
    fallbackReason: undefined,
    step: async () => {
      if (++steps === 2 || steps > 3) throw new InputError('MR_MODEL_INPUT', 'device lost');
      return { loss: 1 };
    },
    validate: async () => undefined,
    save: () => ({ arrays: new Map(), values: null }),
    restore: () => {},
    result: async () => {},
    close: async () => {},
  };
  const training = withProviderErrors(failing);
  assert.deepEqual(await training.step(), { loss: 1 });
  const lost = {
    code: 'MR_TRAINING_PROVIDER',
    remedy: 'retry',
    message: /webgpu failed after 1 updates: device lost/,
  };
  await assert.rejects(training.step(), lost);
  steps = 3;
  await assert.rejects(withProviderErrors(failing).step(), { code: 'MR_MODEL_INPUT' });
});

test('what the code of a module’s model throws fails the training with a code', async (t) => {
  const opened = await snapshotted(t);
  const path = join(opened.dataDirectory, 'model.ts');
  const text = `export default {
    name: 'throwing', role: 'retrieval', about: '', parameters: {}, needs: () => ({ historyLength: 1 }),
    open: async () => { throw new TypeError('no such thing'); },
    serving: { kind: 'item-weights', answersSimilar: false },
  };`;
  writeFileSync(path, text);
  // From here on every thread of this process loads it.
  await loadModelModules([path]);
  const training = trainFromSnapshot(opened.snapshot, { ...opened, seed: 1, model: 'throwing', config: {} });
  const failure = { code: 'MR_TRAINING_MODEL', message: 'The model throwing has failed: no such thing' };
  await assert.rejects(training, failure);
});
