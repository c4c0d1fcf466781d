/** What came of a training, in words. */

import { sizeText } from '#models';
import type { Version, VersionRole } from '#schemas';
import type { TrainingResult } from '#trainer';
import { figure } from '../output.ts';

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
  const { snapshot_id, dimension, items, sizes } = candidate;
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
    sizes,
  };
}

export function resultOf(decision: Version): TrainingResult {
  const { version, protocol, metrics, popularity, decayed_popularity } = decision.candidate;
  return { version, protocol, model: metrics, popularity, decayedPopularity: decayed_popularity, decision };
}

/** What versions of a role are worth, in two metrics. */
const QUALITY: Readonly<Record<VersionRole, readonly [string, string]>> = {
  retrieval: ['recall@10', 'ndcg@10'],
  similar: ['recall@10', 'ndcg@10'],
  ranking: ['ndcg@10', 'list-auc'],
};

/** Quality beside the popularity baselines. */
export function qualityLines({ candidate }: Version): readonly string[] {
  const { metrics, popularity, decayed_popularity: decayed } = candidate;
  const line = (metric: string) =>
    `${metric} ${figure(metrics[metric])} (popularity ${figure(popularity[metric])}, decayed popularity ${figure(decayed[metric])})`;
  return QUALITY[candidate.role].map(line);
}

/** Compares a ranker's ordering of the lists shown to users with the order that retrieval gave them. */
export function rankingLine({ version, status, candidate: { metrics, model } }: Version): string {
  const alone = metrics['retrieval-ndcg@10'];
  const beside = alone === undefined ? '' : `, in the order of retrieval alone ${figure(alone)}`;
  return `Ranker ${version} (${model}) ${status}: ndcg@10 of lists shown ${figure(metrics['ndcg@10'])}${beside}`;
}

export function decisionText({ version, status, reason, candidate }: Version): string {
  const size = sizeText(candidate);
  const what = size === '' ? candidate.model : size;
  return `version ${version} (${what}) ${status}${reason === null ? '' : `: ${reason}`}`;
}
