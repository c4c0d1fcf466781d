/** The thread that runs a model that ranks; it ends by itself when told to stop, as thread-main.ts does. */
import {
  loadModelModules,
  openRanker,
  type RankerInputs,
  type RankingQuery,
  type VersionContents,
} from '#models';
import { serveThread } from '#platform';

/** `model` as the manifest of its version names it. */
export type RankingThreadData = {
  readonly model: string;
  readonly files: VersionContents;
  /** What the process has loaded of modelModules. */
  readonly modules: readonly string[];
};

export type RankingAnswers = { score(query: RankingQuery): Promise<Float64Array> };

await serveThread<RankingThreadData, RankingAnswers, RankerInputs>(async ({ model, files, modules }) => {
  await loadModelModules(modules);
  const ranker = await openRanker(model, files);
  let last: Promise<unknown> = Promise.resolve();
  const score: RankingAnswers['score'] = (query) => {
    const scores = last.then(() => ranker.score(query));
    last = scores.catch(() => {});
    return scores;
  };
  const { inputs, views } = ranker;
  return { answers: { score }, ready: { inputs, views }, close: () => ranker.close() };
});
