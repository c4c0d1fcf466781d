/** The thread that runs a model that ranks; it ends by itself when told to stop, as thread-main.ts does. */
import {
  loadModelModules,
  type Objectives,
  openRanker,
  type RankerInputs,
  type VersionContents,
} from '#models';
import { serveThread } from '#platform';
import { type PackedQueries, unpackQueries } from './packed-queries.ts';

/** `model` as the manifest of its version names it. */
export type RankingThreadData = {
  readonly model: string;
  readonly files: VersionContents;
  readonly objectives: Objectives;
  /** What the process has loaded of modelModules. */
  readonly modules: readonly string[];
};

export type RankingAnswers = {
  /** The scores of all queries, one after the other. */
  score(queries: PackedQueries): Promise<Float64Array>;
};

await serveThread<RankingThreadData, RankingAnswers, RankerInputs>(
  async ({ model, files, objectives, modules }) => {
    await loadModelModules(modules);
    const ranker = await openRanker(model, files, objectives);
    const score: RankingAnswers['score'] = async (packed) => {
      const queries = unpackQueries(packed);
      const scores = new Float64Array(queries.reduce((sum, { items }) => sum + items.length, 0));
      let at = 0;
      for (const query of queries) {
        scores.set(await ranker.score(query), at);
        at += query.items.length;
      }
      return scores;
    };
    const { inputs, views } = ranker;
    return { answers: { score }, ready: { inputs, views }, close: () => ranker.close() };
  },
);
