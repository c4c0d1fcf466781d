/** LightGBM's example of ranking: libsvm files with labels 0 to 4, and the sizes of queries. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Column, TrainingRows } from '#models';

export type Ranked = TrainingRows & { readonly groups: Int32Array };
export type RankingData = { readonly train: Ranked; readonly test: Ranked };

/** Undefined where the files are not on this machine. */
export function lambdarankDirectory(): string | undefined {
  const found =
    process.env.LAMBDARANK ?? join(import.meta.dirname, '../../../../shared/data/lightgbm-lambdarank');
  return existsSync(join(found, 'rank.train.gz')) ? found : undefined;
}

export function readLambdarank(directory: string): RankingData {
  const [train, test] = ['train', 'test'].map((part) => linesOf(join(directory, `rank.${part}.gz`)));
  if (train === undefined || test === undefined) throw new Error('both parts are read');
  const widths = [...train, ...test].map(({ features }) => 1 + (features.at(-1)?.[0] ?? 0));
  const width = Math.max(...widths);
  const columns = Array.from({ length: width }, (_, i) => ({ name: `f${String(i).padStart(3, '0')}` }));
  return {
    train: rowsOf(train, columns, join(directory, 'rank.train.query')),
    test: rowsOf(test, columns, join(directory, 'rank.test.query')),
  };
}

type Line = {
  readonly label: number;
  readonly features: readonly (readonly [index: number, value: number])[];
};

function linesOf(path: string): readonly Line[] {
  const text = gunzipSync(readFileSync(path)).toString('utf8').trimEnd();
  return text.split('\n').map((line) => {
    const [label, ...pairs] = line.trim().split(' ');
    const features = pairs.map((pair) => pair.split(':').map(Number) as [number, number]);
    return { label: Number(label), features };
  });
}

/** A feature that a line does not name is 0. */
function rowsOf(lines: readonly Line[], columns: readonly Column[], queries: string): Ranked {
  const values = new Float32Array(lines.length * columns.length);
  lines.forEach(({ features }, row) => {
    for (const [index, value] of features) values[row * columns.length + index] = value;
  });
  const sizes = readFileSync(queries, 'utf8').trim().split('\n').map(Number);
  const groups = new Int32Array(sizes.length + 1);
  sizes.forEach((size, g) => {
    groups[g + 1] = (groups[g] as number) + size;
  });
  return {
    columns,
    rows: lines.length,
    values,
    labels: Float32Array.from(lines, ({ label }) => label),
    groups,
  };
}
