import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createProgress } from '#platform';
import { movieLensDirectory } from './data.ts';
import { evaluateMovieLens } from './whole-path.ts';

const directory = movieLensDirectory();
const skip = directory === undefined && 'MovieLens 100K is not on this machine';
/** Of 943: a sixth of the ratings. */
const USERS = 150;

test('the two-tower beats the better popularity on MovieLens, by the whole path', { skip }, async (t) => {
  const part = partOf(t, directory ?? '');
  const progress = createProgress({ style: 'silent' });
  const evaluation = await evaluateMovieLens({ directory: part.directory, progress, seeds: [1] });
  const { snapshot, models, popularity, decayedPopularity, differences } = evaluation;
  assert.equal(snapshot.protocol, 'per-user-last-20%');
  const { train_rows, validation_rows, test_rows } = snapshot;
  assert.equal(train_rows + validation_rows + test_rows, part.ratings, 'each rating is an example');
  for (const metric of ['recall@10', 'ndcg@10'] as const) {
    const reached = models[0]?.metrics[metric] ?? 0;
    const baseline = Math.max(popularity[metric] ?? 0, decayedPopularity[metric] ?? 0);
    const { low, high } = differences[metric];
    const figures = `${metric}: ${reached} against ${baseline}, difference ${low} to ${high}`;
    assert.ok(reached > baseline && low > 0, figures);
  }
});

/** The data set with its first users alone. */
function partOf(t: TestContext, whole: string): { directory: string; ratings: number } {
  const part = mkdtempSync(join(tmpdir(), 'millrace-movielens-'));
  t.after(() => rmSync(part, { recursive: true }));
  copyFileSync(join(whole, 'u.item'), join(part, 'u.item'));
  const firstUsers = (name: string, separator: string) => {
    const lines = readPlain(join(whole, name)).toString('latin1').trimEnd().split('\n');
    const kept = lines.filter((line) => Number(line.split(separator, 1)[0]) <= USERS);
    writeFileSync(join(part, name), kept.map((line) => `${line}\n`).join(''), 'latin1');
    return kept.length;
  };
  firstUsers('u.user', '|');
  return { directory: part, ratings: firstUsers('u.data', '\t') };
}

/** It lies there as it is, or gzipped. */
function readPlain(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}
