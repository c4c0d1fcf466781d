import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgress } from '#platform';
import { movieLensDirectory } from './data.ts';
import { evaluateMovieLens } from './whole-path.ts';

const directory = movieLensDirectory();
const skip = directory === undefined && 'MovieLens 100K is not on this machine';

test('the two-tower beats the better popularity on MovieLens 100K, by the whole path', { skip }, async () => {
  const evaluation = await evaluateMovieLens({
    directory: directory ?? '',
    progress: createProgress({ style: 'silent' }),
  });
  const { snapshot, models, popularity, decayedPopularity, differences } = evaluation;
  assert.equal(snapshot.protocol, 'per-user-last-20%');
  const { train_rows, validation_rows, test_rows } = snapshot;
  assert.equal(train_rows + validation_rows + test_rows, 100_000, 'each rating is an example');
  assert.equal(new Set(models.map(({ version }) => version)).size, 3);
  // What all-time popularity is known to reach: another figure would mean another protocol.
  assert.ok(
    Math.abs((popularity['recall@10'] ?? 0) - 0.06) < 0.004,
    `popularity: ${popularity['recall@10']}`,
  );
  for (const metric of ['recall@10', 'ndcg@10'] as const) {
    const mean = models.reduce((sum, { metrics }) => sum + (metrics[metric] ?? 0), 0) / models.length;
    const baseline = Math.max(popularity[metric] ?? 0, decayedPopularity[metric] ?? 0);
    const { low, high } = differences[metric];
    const figures = `${metric}: ${mean} against ${baseline}, difference ${low} to ${high}`;
    assert.ok(mean > baseline && low > 0, figures);
  }
});
