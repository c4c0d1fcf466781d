/** What came of a training, in words. */

import type { Version } from '#schemas';
import type { TrainingResult } from '#trainer';
import { figure, grouped } from '../output.ts';

/** The one line of `millrace train --json`. */
export function trainingLine({
  version,
  protocol,
  model,
  popularity,
  decayedPopularity,
  decision,
}: TrainingResult) {
  const { status, reason, candidate } = decision;
  const { snapshot_id, dimension, items } = candidate;
  return {
    version,
    protocol,
    model,
    popularity,
    decayedPopularity,
    status,
    reason,
    snapshot: snapshot_id,
    dimension,
    items,
  };
}

export function resultOf(decision: Version): TrainingResult {
  const { version, protocol, metrics, popularity, decayed_popularity } = decision.candidate;
  return { version, protocol, model: metrics, popularity, decayedPopularity: decayed_popularity, decision };
}

/** Quality beside the popularity baselines, in two lines. */
export function qualityLines({ candidate }: Version): readonly [string, string] {
  const { metrics, popularity, decayed_popularity: decayed } = candidate;
  const line = (metric: string) =>
    `${metric} ${figure(metrics[metric])} (popularity ${figure(popularity[metric])}, decayed popularity ${figure(decayed[metric])})`;
  return [line('recall@10'), line('ndcg@10')];
}

/** Compares a ranker's ordering of the lists shown to users with the order that retrieval gave them. */
export function rankingLine({ version, status, candidate: { metrics, model } }: Version): string {
  const alone = metrics['retrieval-ndcg@10'];
  const beside = alone === undefined ? '' : `, in the order of retrieval alone ${figure(alone)}`;
  return `Ranker ${version} (${model}) ${status}: ndcg@10 of lists shown ${figure(metrics['ndcg@10'])}${beside}`;
}

export function decisionText({ version, status, reason, candidate }: Version): string {
  const size = `${grouped(candidate.items)} items, dimension ${candidate.dimension}`;
  return `version ${version} (${size}) ${status}${reason === null ? '' : `: ${reason}`}`;
}
