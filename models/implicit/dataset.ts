/** What models of implicit feedback read of a dataset: which user had which item. */
import type { Dataset } from '../dataset.ts';
import { evaluateScores, type ScoredEvaluation } from '../evaluation/protocol.ts';
import { itemsByUser } from '../evaluation/ranking.ts';
import type { Execution, TrainingMetrics } from '../training.ts';
import { Vocabulary } from '../vocabulary.ts';
import { InteractionMatrix } from './interaction-matrix.ts';
import type { FittedRecommender } from './port.ts';

export function matrixOf({ trainPairs, data: { users, items } }: Dataset): InteractionMatrix {
  return InteractionMatrix.fromPairs(trainPairs, users, items);
}

/** The items of the dataset, without its users: these models know a user by the items that they had. */
export function itemVocabulary({ vocabulary, data: { items } }: Dataset): Buffer {
  const ids = Array.from({ length: items }, (_, item) => ({ id: vocabulary.itemId(item), metadata: null }));
  return Vocabulary.build({ users: [], items: ids }).toBytes();
}

/** Ranks what the users of the validation part had next among the items that they have not had in training. */
export function validationMetrics(
  { data: { items, validation }, newestItems, trainPairs }: Dataset,
  model: FittedRecommender,
): TrainingMetrics | undefined {
  if (validation === undefined) return undefined;
  const scores = (user: number) => model.scores(Int32Array.from(newestItems.get(user) ?? []));
  const judged = evaluateScores(scores, {
    items,
    ks: [10],
    heldOut: itemsByUser(validation),
    seen: itemsByUser(trainPairs),
  });
  const { mean } = judged.at.get(10) as NonNullable<ReturnType<ScoredEvaluation['at']['get']>>;
  return { 'recall@10': mean.recall, 'ndcg@10': mean.ndcg };
}

/** Where a model that knows the CPU alone computes, and why not where it was asked to. */
export function onCpu(
  model: string,
  { provider = 'cpu' }: Execution = {},
): { readonly provider: string; readonly fallbackReason: string | undefined } {
  const isOther = provider !== 'cpu' && provider !== 'auto';
  return { provider: 'cpu', fallbackReason: isOther ? `${model} is computed on the CPU alone` : undefined };
}
