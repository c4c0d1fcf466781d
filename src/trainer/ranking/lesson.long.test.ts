import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  contentsOf,
  type ItemRanker,
  type ModelConfig,
  openRanker,
  openVersion,
  type RankingRows,
} from '#models';
import type { Example } from '#schemas';
import type { VersionTraining } from '../lesson.ts';
import { type StepControl, VersionTrainer } from '../thread/version-training.ts';
import { read, shopOf, visits } from './testing/impressions.ts';

async function shopFor(t: TestContext, examples = visits()) {
  const { opened, snapshot } = await shopOf(t, examples);
  return { dataDirectory: opened.dataDirectory, snapshot, seed: 1 };
}

const config = { trees: 26, minRows: 5, leaves: 4 };
const cases = [
  { model: 'trees', config, leastNdcg: 0.9 },
  { model: 'stacked', config, leastNdcg: 0.9 },
  // What is popular changes from list to list, which ids alone do not show.
  { model: 'neumf', config: { epochs: 2, batchSize: 32 }, leastNdcg: 0 },
  {
    model: 'dlrm',
    config: { epochs: 10, batchSize: 16, learningRate: 0.01, embeddingLearningRate: 0.2 },
    leastNdcg: 0.9,
  },
];

for (const { model, config: chosen, leastNdcg } of cases) {
  test(`${model}: from a snapshot to a version, whether or not it is cut off, and judged beside itself`, async (t) => {
    const what = { ...(await shopFor(t)), model, config: chosen };
    const whole = new VersionTrainer(what);
    let steps = 0;
    await whole.train({ onProgress: () => steps++ });
    const { candidate, judgements } = await whole.evaluate(undefined);
    await whole.close();
    assert.deepEqual([candidate.role, candidate.model, candidate.production], ['ranking', model, null]);
    assert.ok((candidate.metrics['ndcg@10'] ?? 0) > leastNdcg, JSON.stringify(candidate.metrics));
    assert.equal(
      judgements.model.perUser['ndcg@10']?.length,
      judgements.popularity.perUser['ndcg@10']?.length,
    );
    const files = await openVersion(join(what.dataDirectory, candidate.directory));
    assert.equal(files.manifest.model, model);
    const card = readFileSync(join(what.dataDirectory, candidate.directory, 'card.md'), 'utf8');
    assert.match(card, /Held-out lists/);
    assert.match(card, /Calibration by decile/);
    const importance =
      /## Importance of columns\n\n\| column \| ndcg@10 lost when permuted \| share of the gain \|/;
    assert.equal(importance.test(card), model === 'trees' || model === 'stacked', 'of trees alone');
    const wanted = ['auc', 'list-auc', 'log-loss', 'calibration-error'];
    assert.deepEqual(
      wanted.filter((name) => !Number.isFinite(candidate.metrics[name])),
      [],
    );

    const checkpoints = { directory: join(what.dataDirectory, 'runs', 'r'), everySteps: 1 };
    for (const last of [Math.floor(steps / 2), steps - 2]) {
      const stopping = new AbortController();
      const first = new VersionTrainer({ ...what, checkpoints });
      const stop = ({ step }: { readonly step: number }) => step >= last && stopping.abort();
      await assert.rejects(first.train({ signal: stopping.signal, onProgress: stop }));
      await first.close();
    }
    const second = new VersionTrainer({ ...what, checkpoints });
    t.after(() => second.close());
    let left = 0;
    await second.train({ onProgress: () => left++ });
    assert.equal(left, 2, `of ${steps} steps`);
    const { candidate: resumed } = await second.evaluate(candidate);
    assert.equal(resumed.version, candidate.version);
    // What only the training knows of its version is not asked of others.
    const theirs = Object.entries(resumed.production?.metrics ?? {});
    assert.ok(theirs.length >= 4);
    for (const [name, value] of theirs) assert.equal(value, candidate.metrics[name], name);
    for (const { mean, low, high } of Object.values(resumed.production?.differences ?? {})) {
      assert.deepEqual([mean, low, high], [0, 0, 0]);
    }
    assert.ok(Object.keys(resumed.production?.differences ?? {}).includes('ndcg@10'));
  });
}

test('a ranker can be judged, and asked to stop, by the validation part', async (t) => {
  const shop = await shopFor(t);
  for (const { model, config: chosen } of cases.filter((each) => each.model !== 'stacked')) {
    for (const judgedBy of ['validated', 'validation'] as const) {
      const trainer = new VersionTrainer({ ...shop, model, config: chosen, judgedBy, patience: 2 });
      await trainer.train({});
      const { candidate } = await trainer.evaluate(undefined);
      assert.equal(candidate.version === '', judgedBy === 'validation');
      await trainer.close();
    }
  }
});

test('a network stops training when validation lists are ranked no better', async (t) => {
  // Scores that hardly change rank alike in every epoch.
  const still = { epochs: 9, batchSize: 32, learningRate: 1e-12 };
  const what = {
    ...(await shopFor(t)),
    model: 'neumf',
    config: still,
    judgedBy: 'validated',
    patience: 2,
  } as const;
  const trainer = new VersionTrainer(what);
  t.after(() => trainer.close());
  const { losses, chosenEpoch, stoppedEarly } = await trainer.train({});
  assert.deepEqual([losses.length, chosenEpoch, stoppedEarly], [3, 1, true]);
});

test('trees stop growing when validation lists are ranked no better, and the best are kept', async (t) => {
  const shop = await shopFor(t, misjudged(visits()));
  for (const model of ['trees', 'stacked']) {
    const checkpoints = { directory: join(shop.dataDirectory, 'runs', model), everySteps: 1 };
    const greedy = { ...config, trees: 300, learningRate: 0.3, rowShare: 0.7 };
    const what = { ...shop, model, config: greedy, judgedBy: 'validated', patience: 3 } as const;
    const judged: number[] = [];
    const onEpoch = (_: number, __: number, values: Readonly<Record<string, number>>) =>
      judged.push(values['ndcg@10'] ?? Number.NaN);
    const stopped = await versionOf(t, what, { onEpoch });
    const best = Math.max(...judged);
    const kept = 10 * (judged.indexOf(best) + 1);
    assert.deepEqual([stopped.stoppedEarly, judged.length], [true, kept / 10 + 3], model);
    assert.equal(stopped.candidate.sizes.trees, kept);
    assert.ok(kept < greedy.trees / 2, `${kept} trees`);
    const directory = join(shop.dataDirectory, stopped.candidate.directory);
    assert.match(
      readFileSync(join(directory, 'card.md'), 'utf8'),
      new RegExp(`^# ${model}: .*${kept} trees, `),
    );

    const stopping = new AbortController();
    const cut = new VersionTrainer({ ...what, checkpoints });
    const onProgress = ({ epoch }: { readonly epoch: number }) =>
      epoch > judged.length - 1 && stopping.abort();
    await assert.rejects(cut.train({ signal: stopping.signal, onProgress }));
    await cut.close();
    const resumed = await versionOf(t, { ...what, checkpoints });
    assert.equal(resumed.candidate.version, stopped.candidate.version);
    // What is served of stacked has other base models than those whose scores validate.
    if (model === 'stacked') continue;
    const trial = await versionOf(t, { ...what, judgedBy: 'validation' });
    assert.deepEqual([trial.candidate.metrics['ndcg@10'], trial.candidate.sizes.trees], [best, kept]);
    const asMany = await versionOf(t, { ...what, config: { ...greedy, trees: kept }, patience: 0 });
    const [of300, ofKept] = [stopped, asMany].map(({ candidate: { directory } }) =>
      readFileSync(join(shop.dataDirectory, directory, 'ranker.trees')),
    );
    assert.deepEqual(of300, ofKept);
    const onThreads = await versionOf(t, { ...what, execution: { threads: 2 } });
    assert.equal(onThreads.candidate.version, stopped.candidate.version);
  }
});

/** With every fifth impression the other way around, which nothing foretells. */
const misjudged = (examples: readonly Example[]) =>
  examples.map((each, n): Example => {
    if (each.labels == null || n % 5 > 0) return each;
    return { ...each, labels: { ...each.labels, click: !each.labels.click } };
  });

async function versionOf(t: TestContext, what: VersionTraining, control: StepControl = {}) {
  const trainer = new VersionTrainer(what);
  t.after(() => trainer.close());
  const outcome = await trainer.train(control);
  return { ...outcome, ...(await trainer.evaluate(undefined)) };
}

test('the scores that are served never rise with a column that is to lower them, whatever was taken', async (t) => {
  const { opened, snapshot, directory } = await shopOf(t, visits());
  const { heldOut } = await read({ directory });
  const popularity = 'item-features.popularity';
  for (const model of ['trees', 'stacked']) {
    // Differences from one popularity to the next, which is what is taken.
    const risesOf = async (monotone: ModelConfig) => {
      const what = { dataDirectory: opened.dataDirectory, snapshot, seed: 1, model };
      const trainer = new VersionTrainer({ ...what, config: { ...config, monotone } });
      t.after(() => trainer.close());
      await trainer.train({});
      const { candidate } = await trainer.evaluate(undefined);
      const files = await openVersion(join(opened.dataDirectory, candidate.directory));
      const contents = contentsOf(files);
      const ranker = await openRanker(model, contents);
      const rises = await Promise.all(
        Array.from({ length: heldOut.rows }, (_, row) => risesAlong(popularity, ranker, heldOut, row)),
      );
      await ranker.close();
      return rises.flat();
    };
    assert.ok(
      (await risesOf({})).some((rise) => rise > 0),
      model,
    );
    assert.ok(
      (await risesOf({ [popularity]: -1 })).every((rise) => rise <= 0),
      model,
    );
    const upwards = await risesOf({ [popularity]: 1 });
    assert.ok(upwards.every((rise) => rise >= 0) && upwards.some((rise) => rise > 0), model);
  }
});

/** By how much the score of a row rises from each value of a column to the next, from 0 to 10. */
async function risesAlong(
  column: string,
  ranker: ItemRanker,
  { columns, values }: RankingRows,
  row: number,
): Promise<number[]> {
  const steps = Array.from({ length: 11 }, (_, step) => step);
  const features = ranker.inputs.map(({ features: [name], type }) => {
    const at = columns.findIndex((each) => each.name === name);
    const value = values[row * columns.length + at] as number;
    if (name === column) return Float64Array.from(steps);
    return type === 'string'
      ? steps.map(() => columns[at]?.categories?.[value] ?? null)
      : new Float64Array(steps.length).fill(value);
  });
  const asking = { user: 'u0', recentItems: [], profile: null, context: null };
  const scores = await ranker.score({ asking, items: steps.map(() => 'i0'), columns: features });
  return steps.slice(1).map((step) => (scores[step] as number) - (scores[step - 1] as number));
}

test('a version of the other role in force is none to be judged beside', async (t) => {
  const what = await shopFor(t);
  const versions: Record<string, { readonly version: string; readonly directory: string }> = {};
  const made = async (model: string, options: ModelConfig, beside?: string) => {
    const trainer = new VersionTrainer({ ...what, model, config: options });
    t.after(() => trainer.close());
    await trainer.train({});
    const { candidate } = await trainer.evaluate(beside === undefined ? undefined : versions[beside]);
    versions[model] = candidate;
    return candidate.production;
  };
  await made('item-knn', {});
  const beside = await made('trees', config, 'item-knn');
  assert.deepEqual(beside, { version: versions['item-knn']?.version, metrics: {}, differences: {} });
  assert.deepEqual((await made('ease', {}, 'trees'))?.metrics, {});
});
