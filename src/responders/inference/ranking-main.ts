/** The thread that runs a model from outside; it ends by itself when told to stop, as thread-main.ts does. */
import { type ExternalManifest, ExternalScorer, type FeatureValues } from '#models';
import { serveThread } from '#platform';

export type RankingThreadData = { readonly graph: Uint8Array; readonly manifest: ExternalManifest };

export type RankingAnswers = { score(rows: readonly FeatureValues[]): Promise<Float64Array> };

await serveThread<RankingThreadData, RankingAnswers, void>(async ({ graph, manifest }) => {
  const scorer = await ExternalScorer.load(graph, manifest);
  await scorer.probe();
  let last: Promise<unknown> = Promise.resolve();
  const score: RankingAnswers['score'] = (rows) => {
    const scores = last.then(() => scorer.score(rows));
    last = scores.catch(() => {});
    return scores;
  };
  return { answers: { score }, ready: undefined, close: () => scorer.close() };
});
