import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FlatIndex, openVersion, readItemVectors, UserEncoder, Vocabulary } from '#models';
import { takeSnapshot } from '#offline';
import { example, fillSmallWorld, openSmallWorld, startMs, writeExamples } from '#offline/testing';
import { createLogger, MillraceError, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { verifyFiles } from '../snapshot-checks.ts';
import { trainFromSnapshot } from './run-thread.ts';
import { VersionTrainer } from './version-training.ts';

const small = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 2 };

async function snapshotted(t: TestContext) {
  const dataDirectory = temporaryDirectory(t);
  const opened = await openSmallWorld(dataDirectory);
  await fillSmallWorld(opened);
  // An item that the catalogue does not have and a user who has no profile must not be in the way.
  await writeExamples(opened, [example('guest', 'gone', startMs, ['i1', 'unheard of'])]);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const snapshot = await takeSnapshot({ ...opened, clock: systemClock, logger });
  await opened.log.close();
  return { dataDirectory, snapshot };
}

test('from a snapshot to a version that can be read and served', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const steps: number[] = [];
  const { candidate, judgements, losses } = await trainFromSnapshot(snapshot, {
    dataDirectory,
    seed: 1,
    config: small,
    onProgress: ({ step }) => steps.push(step),
  });
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(losses.length, 2);
  const files = await openVersion(join(dataDirectory, candidate.directory));
  assert.equal(files.version, candidate.version);
  assert.equal(candidate.directory, `versions/${candidate.version}`);
  assert.equal(candidate.snapshot_id, snapshot.snapshot_id);
  assert.deepEqual(files.manifest.metrics, candidate.metrics);
  assert.deepEqual(Object.keys(candidate.metrics).sort(), [
    'auc',
    'hr@10',
    'map@10',
    'mrr@10',
    'ndcg@10',
    'ndcg@100',
    'precision@10',
    'recall@10',
    'recall@100',
    'sampled-ndcg@10',
  ]);
  const interval = candidate.intervals['recall@10'];
  assert.ok(interval !== undefined && interval.low <= interval.mean && interval.mean <= interval.high);
  const card = files.read('card.md').toString();
  assert.match(card, /snapshot `[0-9a-f]{16}`/);
  for (const figure of ['coverage', 'novelty', 'diversity', 'popularity-lift', 'gini']) {
    assert.match(card, new RegExp(`^\\| ${figure}@10 \\|( -?\\d+\\.\\d{4} \\|){3}$`, 'm'));
  }
  for (const metrics of [candidate.metrics, candidate.popularity, candidate.decayed_popularity]) {
    assert.equal(metrics['recall@100'], 1, 'all 31 items are ranked, the seen ones aside');
  }
  assert.equal(judgements.model.perUser['ndcg@10']?.length, 24);

  const vocabulary = Vocabulary.parse(files.read('vocabulary.json'));
  const { dim, vectors } = readItemVectors(files.read('items.index'));
  const index = FlatIndex.build(vectors, dim);
  const encoder = await UserEncoder.load(files.read('user-tower.onnx'));
  assert.deepEqual([candidate.items, index.size, vocabulary.itemCount], [31, 31, 31]);
  assert.equal(vocabulary.userCount, 26);
  assert.ok(vocabulary.userIndex('guest') > 0);
  assert.deepEqual([candidate.dimension, encoder.dim, encoder.historyLength], [8, 8, 5]);
  const vector = await encoder.encode({
    users: Int32Array.of(vocabulary.userIndex('u1')),
    histories: [vocabulary.historyIndices(['i1', 'i3'])],
    profile: Int32Array.from(vocabulary.profileValues(null)),
  });
  await encoder.close();
  assert.equal(index.search(vector, 10).ids.length, 10);
});

test('the same snapshot and seed give the same version, another seed another', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const train = (seed: number) => trainFromSnapshot(snapshot, { dataDirectory, seed, config: small });
  const [first, second, third] = [await train(1), await train(1), await train(2)];
  assert.deepEqual(second, first);
  assert.notEqual(third.candidate.version, first.candidate.version);
  assert.deepEqual(third.judgements.popularity, first.judgements.popularity);
});

test('a snapshot with a changed, shortened or missing file is refused, and leaves no version', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  for (const { name } of snapshot.files) {
    const path = join(dataDirectory, snapshot.directory, name);
    const original = readFileSync(path);
    const changed = Buffer.from(original);
    changed[100] = (changed[100] as number) ^ 1;
    const refused = (error: unknown) => {
      assert.ok(error instanceof MillraceError);
      assert.deepEqual([error.code, error.remedy], ['MR_SNAPSHOT_CORRUPT', 'give-up']);
      assert.match(error.message, new RegExp(name));
      assert.ok(error.hint);
      return true;
    };
    const verified = () => verifyFiles(join(dataDirectory, snapshot.directory), snapshot);
    writeFileSync(path, changed);
    await assert.rejects(verified(), refused);
    writeFileSync(path, original.subarray(1));
    await assert.rejects(verified(), refused);
    rmSync(path);
    await assert.rejects(verified(), refused);
    writeFileSync(path, original);
  }
  rmSync(join(dataDirectory, snapshot.directory, 'examples.parquet'));
  const train = trainFromSnapshot(snapshot, { dataDirectory, seed: 1, config: small });
  await assert.rejects(train, { code: 'MR_SNAPSHOT_CORRUPT' });
  assert.ok(!existsSync(join(dataDirectory, 'versions')));
});

test('a training stops at its next step when it is told to', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  let steps = 0;
  const config = { ...small, epochs: 100_000 };
  const onProgress = () => {
    if (++steps === 3) controller.abort(reason);
  };
  const { signal } = controller;
  await assert.rejects(
    trainFromSnapshot(snapshot, { dataDirectory, seed: 1, config, onProgress, signal }),
    reason,
  );
  await assert.rejects(trainFromSnapshot(snapshot, { dataDirectory, seed: 1, config, signal }), reason);
  assert.ok(!existsSync(join(dataDirectory, 'versions')));
});

test('a training whose snapshot was removed, because a user is erased, ends and leaves no checkpoint of it', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const directory = join(dataDirectory, 'runs', 'r');
  const trainer = new VersionTrainer({
    snapshot,
    dataDirectory,
    seed: 1,
    config: { ...small, epochs: 100_000 },
    checkpoints: { directory, everySteps: 1 },
  });
  t.after(() => trainer.close());
  let steps = 0;
  const onProgress = () => {
    if (++steps === 3) rmSync(join(dataDirectory, snapshot.directory), { recursive: true });
  };
  await assert.rejects(trainer.train({ onProgress }), { code: 'MR_SNAPSHOT_RETIRED' });
  assert.ok(!existsSync(directory));
});

test('what the model refuses keeps its code on its way out of the thread', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const config = { ...small, temperature: -1 };
  await assert.rejects(trainFromSnapshot(snapshot, { dataDirectory, seed: 1, config }), {
    code: 'MR_MODEL_CONFIG',
    remedy: 'fix-configuration',
  });
});

test('a training stops early when the validation part gets no better, and is judged by the test part', async (t) => {
  const { dataDirectory, snapshot } = await snapshotted(t);
  const config = { ...small, epochs: 60, learningRate: 0.1 };
  const epochs: Readonly<Record<string, number>>[] = [];
  const { losses, candidate } = await trainFromSnapshot(snapshot, {
    dataDirectory,
    seed: 1,
    config,
    judgedBy: 'validated',
    patience: 2,
    onEpoch: (_epoch, _step, values) => epochs.push(values),
  });
  assert.ok(losses.length < 60 && losses.length === epochs.length, `${losses.length} epochs`);
  const recalls = epochs.map((values) => values['recall@10'] ?? -1);
  const best = recalls.indexOf(Math.max(...recalls)) + 1;
  assert.equal(losses.length, best + 2);
  const files = await openVersion(join(dataDirectory, candidate.directory));
  assert.match(
    files.read('card.md').toString(),
    new RegExp(`of which epoch ${best} was taken, stopped early`),
  );
});
