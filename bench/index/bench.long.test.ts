import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { type Asked, K, measured, recallOf } from './system.ts';

type Line = { readonly case: string; readonly metric: string; readonly value: number };

const python = process.env.PYTHON ?? 'python3';
const libraries = spawnSync(python, ['-c', 'import faiss, hnswlib, usearch']);

function figures(...words: readonly string[]): readonly Line[] {
  const main = join(import.meta.dirname, '../main.ts');
  const sizes = [
    '--items',
    '600',
    '--dim',
    '12',
    '--vectors',
    'clustered',
    '--queries',
    '8',
    '--seconds',
    '0.05',
  ];
  const printed = execFileSync(process.execPath, [main, 'index', ...words, ...sizes], { encoding: 'utf8' });
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Two queries whose best are 0 to 99 and 100 to 199; a search with the setting s finds s of them. */
const asked: Asked = {
  dim: 1,
  queries: Float32Array.of(0, 1),
  truth: Int32Array.from({ length: 2 * K }, (_, id) => id),
};
const find = ([query]: Float32Array, setting: number) =>
  Int32Array.from({ length: setting }, (_, i) => (query as number) * K + i);

test('the least setting is found that reaches a recall, and none where none does', () => {
  const [first, second, ...none] = measured(find, 97, asked, [0.5, 0.955, 0.99]);
  assert.deepEqual([first?.setting, first?.recall, second?.setting, second?.recall], [50, 0.5, 96, 0.96]);
  assert.deepEqual(none, []);
  assert.equal(
    recallOf(find, 10, { ...asked, truth: asked.truth.map((id) => (id % K < 20 ? id : -1)) }),
    0.5,
  );
});

test('every part prints its figures, and recalls are those that were aimed at', () => {
  const lines = figures();
  for (const { metric, value } of lines) {
    assert.ok(Number.isFinite(value), metric);
    if (metric === 'recall@100') assert.ok(value > 0.9 && value <= 1, `${value}`);
  }
  for (const part of ['at 0.99', 'reading it', 'shards', '99% excluded', 'while changing', 'built anew']) {
    assert.ok(
      lines.some(({ case: name }) => name.includes(part)),
      part,
    );
  }
});

test('peers are measured alike', { skip: libraries.status !== 0 && `${python} lacks a library` }, () => {
  const lines = figures('search', '--peer');
  for (const peer of ['faiss IVF', 'faiss, our lists', 'faiss HNSW', 'hnswlib', 'usearch']) {
    const own = lines.filter(({ case: name }) => name.includes(peer));
    const recalls = own.filter(({ metric }) => metric === 'recall@100').map(({ value }) => value);
    assert.ok(recalls.length === 2 && recalls.every((value) => value > 0.95), `${peer}: ${recalls}`);
    assert.ok(own.some(({ metric, value }) => metric === 'ratio' && value > 0));
  }
});
