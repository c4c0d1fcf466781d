import { join } from 'node:path';
import {
  type ColumnImportance,
  checkConfig,
  contentsOf,
  type ItemRanker,
  type ModelConfig,
  openRanker,
  type RankingDataset,
  type RankingModel,
  type RankingRows,
  rowScores,
  type VersionContents,
} from '#models';
import { withScratchDuckDb } from '#offline';
import { errorCode, invariant } from '#platform';
import type { CardTable, Lesson, VersionTraining } from '../lesson.ts';
import { readRetrieval } from '../retrieval/lesson.ts';
import { readRanking } from './dataset.ts';
import { judgeRanking, judgeRows } from './evaluation.ts';

/** Share of the training impressions, the oldest, for base models: no score has seen its row's label. */
const BEFORE_SHARE = 0.8;

/** To order items: learned from lists that users were shown, judged by such lists. */
export async function rankingLesson(
  model: RankingModel,
  { snapshot, dataDirectory, seed, config, execution, judgedBy = 'test', modules = [] }: VersionTraining,
): Promise<Lesson> {
  const { parameters, bases } = model;
  checkConfig(model.name, parameters, config);
  const directory = join(dataDirectory, snapshot.directory);
  const historyLength = historyRead(model, config);
  const beforeShare = bases.length === 0 ? 0 : BEFORE_SHARE;
  const reading = { judgedBy, historyLength, beforeShare, modules };
  const { trainFromMs, ...rows } = await withScratchDuckDb((database) =>
    readRanking(database, directory, reading),
  );
  const retrieval = (options: { readonly endsAtMs?: number }) => {
    const [first] = bases;
    return (
      first &&
      readRetrieval(first, { directory, dataDirectory, config: {}, options: { judgedBy, ...options } })
    );
  };
  const before = await retrieval({ endsAtMs: trainFromMs });
  const whole = await retrieval({});
  const dataset: RankingDataset = { ...rows, ...(before && whole && { retrieval: { before, whole } }) };
  const { train, heldOut } = dataset;
  return {
    items: whole?.data.items ?? 0,
    card: {
      use: [
        'Ranking: the order of items that a retrieval model has found for a user, by features of the user, of each item and',
        'of the two. It learned from what users took and left of what they were shown; it finds nothing by itself.',
      ],
      data: [
        `learned from ${train.rows} impressions in ${train.lists.length - 1} lists`,
        `judged by ${heldOut.rows} impressions in ${heldOut.lists.length - 1} lists, protocol \`${snapshot.protocol}\``,
      ],
    },
    open: () => model.open(dataset, config, seed, execution),
    async judge(files) {
      const ranker = await model.ranker(files);
      const scores = await scoresOf(ranker, heldOut);
      invariant(scores !== undefined, 'a ranker reads the features that it was trained on');
      const retrieval = await model.retrievalScores(files, heldOut);
      const judgements = judgeRanking(heldOut, { scores, givesChances: ranker.givesChances, retrieval });
      const importance = await model.importance?.(files, heldOut);
      return importance === undefined
        ? judgements
        : { ...judgements, tables: [...judgements.tables, importanceTable(importance)] };
    },
    async judgeOther(version) {
      const ranker = await rankerOf(version.manifest.model, contentsOf(version));
      const scores = ranker && (await scoresOf(ranker, heldOut));
      return scores && judgeRows(heldOut, scores);
    },
  };
}

/** Items of a user's history that the model and those it builds on look at. */
export function historyRead(model: RankingModel, config: ModelConfig): number {
  const needs = model.bases.map((base) => base.needs({}).historyLength);
  return Math.max(model.historyLength?.(config) ?? 0, ...needs);
}

const importanceTable = (columns: readonly ColumnImportance[]): CardTable => ({
  heading: 'Importance of columns',
  titles: ['column', 'ndcg@10 lost when permuted', 'share of the gain'],
  rows: columns.map(({ name, lost, gain }) => [name, lost, gain]),
});

export async function scoresOf(ranker: ItemRanker, rows: RankingRows): Promise<Float64Array | undefined> {
  try {
    return await rowScores(ranker, rows);
  } finally {
    await ranker.close();
  }
}

/** Undefined for a version that ranks nothing here: of another role, damaged, or of a model that is not loaded. */
async function rankerOf(model: string, files: VersionContents): Promise<ItemRanker | undefined> {
  try {
    return await openRanker(model, files);
  } catch (error) {
    if (['MR_MODEL_UNREADABLE', 'MR_MODEL_CHECKPOINT', 'MR_MODEL_CONFIG'].includes(errorCode(error) ?? ''))
      return undefined;
    throw error;
  }
}
