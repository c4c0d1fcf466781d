/** The thread that explains scores of one version; it ends by itself when told to stop. */
import { join } from 'node:path';
import {
  type Asking,
  contentsOf,
  type FeatureColumn,
  loadModelModules,
  openItemScorer,
  openRanker,
  openVersion,
  type RankerInputs,
  rankingParts,
  retrievalParts,
  type ScoreParts,
  servingOf,
} from '#models';
import { invariant, serveThread } from '#platform';
import type { VersionRole } from '#schemas';

export type ExplainingThreadData = {
  readonly dataDirectory: string;
  /** The version's, relative to that one. */
  readonly directory: string;
  readonly role: VersionRole;
  /** What the process has loaded of modelModules. */
  readonly modules: readonly string[];
};

/** One item for whom it was shown to. */
export type ScoreQuery = {
  readonly asking: Asking;
  readonly item: string;
  /** What a version that ranks reads, of this item alone. */
  readonly columns: readonly FeatureColumn[];
};

export type ExplainingAnswers = {
  /** Null for an item that a version which finds items was not trained with. */
  explain(query: ScoreQuery): Promise<ScoreParts | null>;
};

/** What a version reads that ranks; null for one that finds items. */
export type ExplainingReady = RankerInputs | null;

await serveThread<ExplainingThreadData, ExplainingAnswers, ExplainingReady>(
  async ({ dataDirectory, directory, role, modules }) => {
    await loadModelModules(modules);
    const files = await openVersion(join(dataDirectory, directory));
    const { model } = files.manifest;
    if (role === 'ranking') {
      const ranker = await openRanker(model, contentsOf(files));
      const { inputs, views } = ranker;
      return {
        answers: {
          explain: ({ asking, item, columns }) => rankingParts(ranker, { asking, items: [item], columns }),
        },
        ready: { inputs, views },
        close: () => ranker.close(),
      };
    }
    const serving = servingOf(model);
    invariant(serving !== undefined, `${model} finds items`);
    const scorer = await openItemScorer(serving, (name) => files.read(name));
    return {
      answers: {
        explain: async ({ asking, item }) => (await retrievalParts(scorer, asking, item)) ?? null,
      },
      ready: null,
      close: () => scorer.close(),
    };
  },
);
