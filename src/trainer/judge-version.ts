/** A version on the held-out part of a snapshot, by our metrics, whoever has trained it. */
import { join } from 'node:path';
import type { AnyView } from '#features';
import { modelOf, openRanker, type Serving, servingOf, type VersionContents } from '#models';
import { withScratchDuckDb } from '#offline';
import { InputError } from '#platform';
import type { Snapshot } from '#schemas';
import type { ExampleView, Judgements } from './lesson.ts';
import { readRanking } from './ranking/dataset.ts';
import { judgeRanking } from './ranking/evaluation.ts';
import { historyRead, scoresOf as rankingScores } from './ranking/lesson.ts';
import { readDataset } from './retrieval/dataset.ts';
import { judge, rowsToJudge } from './retrieval/evaluation.ts';
import { scoresOf } from './retrieval/user-scores.ts';
import { refuseOtherFeatures, verifyFiles, viewsIn } from './snapshot-checks.ts';

export type JudgedVersion = {
  /** As its manifest names it. */
  readonly model: string;
  readonly files: VersionContents;
};

export type JudgingOptions = {
  readonly dataDirectory: string;
  /** Views of modules whose rows snapshots have. */
  readonly modules: readonly AnyView[];
};

/** Models look at fewer. */
const LONGEST_HISTORY = 1_000;

/**
 * Beside the baselines, as a training's evaluation does: retrieval among all items, a ranker on lists that were shown. A
 * version that has learned from this snapshot's users until later, or from all of its rows, is judged by what it knows.
 * Errors: those of verifyFiles, refuseOtherFeatures, readDataset, readRanking, openItemScorer and openRanker.
 */
export async function judgeVersion(
  version: JudgedVersion,
  snapshot: Snapshot,
  { dataDirectory, modules }: JudgingOptions,
): Promise<Judgements> {
  const directory = join(dataDirectory, snapshot.directory);
  await verifyFiles(directory, snapshot);
  refuseOtherFeatures(snapshot);
  const serving = servingOf(version.model);
  return serving === undefined
    ? judgeRanker(version, directory, viewsIn(snapshot, modules))
    : judgeFinder(serving, version, directory);
}

async function judgeFinder(
  serving: Serving,
  { files }: JudgedVersion,
  directory: string,
): Promise<Judgements> {
  const options = { historyLength: LONGEST_HISTORY, judgedBy: 'test' } as const;
  const dataset = await withScratchDuckDb((database) => readDataset(database, directory, options));
  const rows = rowsToJudge(dataset);
  const read = (name: string) => files[name] as Uint8Array;
  return judge(dataset, rows, await scoresOf({ serving, read }, dataset, [...rows.heldOut.keys()]));
}

async function judgeRanker(
  { model: name, files }: JudgedVersion,
  directory: string,
  modules: readonly ExampleView[],
): Promise<Judgements> {
  const known = modelOf(name);
  const model = known?.role === 'ranking' ? known : undefined;
  const historyLength = model === undefined ? 0 : historyRead(model, {});
  const reading = { judgedBy: 'test', historyLength, beforeShare: 0, modules } as const;
  const { heldOut } = await withScratchDuckDb((database) => readRanking(database, directory, reading));
  const ranker = await openRanker(name, files);
  const { givesChances } = ranker;
  const scores = await rankingScores(ranker, heldOut);
  if (scores === undefined) {
    throw new InputError(
      'MR_TRAINING_FEATURES',
      `The lists of the snapshot lack a feature that ${name} reads.`,
      {
        hint: 'Take a snapshot with the views of features.modules that the model was trained with.',
      },
    );
  }
  return judgeRanking(heldOut, {
    scores,
    givesChances,
    retrieval: await model?.retrievalScores(files, heldOut),
  });
}
