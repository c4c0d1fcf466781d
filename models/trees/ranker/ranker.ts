import type { VersionContents } from '../../artifact/port.ts';
import { calibrate } from '../../calibration/calibrator.ts';
import type { RetrievalModel } from '../../model.ts';
import type { RankingRows } from '../../ranking/dataset.ts';
import type { FeatureColumn, ItemRanker } from '../../ranking/port.ts';
import { type ItemScorer, openItemScorer } from '../../serving/item-scorer.ts';
import { TreeScorer } from '../scorer.ts';
import { readTrees } from '../storage.ts';
import { scoresOfItems, scoresOfRows } from './base-scores.ts';
import { baseFile, checkColumns, readDescription, readFile, TREES_FILE } from './files.ts';

/** Errors: FatalError MR_MODEL_UNREADABLE, InputError MR_MODEL_CHECKPOINT, and those of the base models. */
export async function openTreeRanker(
  files: VersionContents,
  bases: readonly RetrievalModel[],
): Promise<ItemRanker> {
  const described = readDescription(files);
  const { inputs, views, calibrator } = described;
  const ensemble = readTrees(readFile(files, TREES_FILE));
  const { columns } = ensemble;
  checkColumns(described, bases, columns);
  const scorers = await Promise.all(bases.map((base) => openBase(files, base)));
  const trees = new TreeScorer(ensemble);
  const codes = columns.map(
    ({ categories }) => categories && new Map(categories.map((text, code) => [text, code])),
  );
  return {
    inputs,
    views,
    givesChances: calibrator !== null,
    async score({ asking, items, columns: features }) {
      const width = columns.length;
      const values = new Float32Array(items.length * width);
      features.forEach((column, at) => {
        fill(values, { at, width }, column, codes[at]);
      });
      for (const [i, scorer] of scorers.entries()) {
        fill(values, { at: features.length + i, width }, await scoresOfItems(scorer, asking, items));
      }
      // The position, the last column, stays 0: all are scored as if they were shown first.
      const scores = new Float64Array(items.length);
      trees.score(values, items.length, scores);
      return calibrator === null ? scores : scores.map((score) => calibrate(calibrator, score));
    },
    async close() {
      await Promise.all(scorers.map((scorer) => scorer.close()));
    },
  };
}

/** [rows]; undefined of a ranker without base models. */
export async function retrievalScores(
  files: VersionContents,
  rows: RankingRows,
  [base]: readonly RetrievalModel[],
): Promise<Float32Array | undefined> {
  if (base === undefined) return undefined;
  const scorer = await openBase(files, base);
  try {
    return await scoresOfRows(scorer, rows);
  } finally {
    await scorer.close();
  }
}

function openBase(files: VersionContents, { name, serving }: RetrievalModel): Promise<ItemScorer> {
  return openItemScorer(serving, (file) => readFile(files, baseFile(name, file)));
}

/** Writes one column of rows that are `width` wide; texts by their codes, NaN for one that training did not meet. */
function fill(
  values: Float32Array,
  { at, width }: { readonly at: number; readonly width: number },
  column: FeatureColumn | Float32Array,
  codes?: ReadonlyMap<string, number>,
): void {
  for (let row = 0, to = at; to < values.length; row++, to += width) {
    const value = column[row];
    values[to] = codes === undefined ? (value as number) : (codes.get(value as string) ?? Number.NaN);
  }
}
