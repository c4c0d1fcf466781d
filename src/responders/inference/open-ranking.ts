import {
  modelOf,
  type Objectives,
  openRanker,
  type RankerInputs,
  type RankingQuery,
  type VersionContents,
} from '#models';
import { failure } from './model-thread.ts';
import { finite, NAMED, RankingThread } from './ranking-thread.ts';

/** A model that ranks, in memory. */
export interface Ranking {
  /** What it reads. */
  readonly inputs: RankerInputs;
  /** A finite score for each item. Rejects with FatalError when the model fails over them, or has ended. */
  score(query: RankingQuery): Promise<Float64Array>;
  /** Resolves with the reason when it ends by itself. */
  readonly died: Promise<Error>;
  /** Answers what was asked, then ends. */
  close(): Promise<void>;
}

/** `model` as the manifest of its version names it. */
export type RankingFiles = {
  readonly model: string;
  readonly files: VersionContents;
  readonly objectives: Objectives;
};

/** In a thread of its own, unless it is quicker than the way there. FatalError with the model's code when it can't be loaded. */
export async function openRanking(version: RankingFiles): Promise<Ranking> {
  const model = modelOf(version.model);
  return model?.role === 'ranking' && model.isQuick === true
    ? openHere(version)
    : RankingThread.start(version);
}

async function openHere({ model, files, objectives }: RankingFiles): Promise<Ranking> {
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw failure(NAMED, error);
    }
  };
  const ranker = await attempt(() => openRanker(model, files, objectives));
  return {
    inputs: { inputs: ranker.inputs, views: ranker.views },
    score: (query) => attempt(async () => finite(await ranker.score(query))),
    died: new Promise(() => {}),
    close: () => ranker.close(),
  };
}
