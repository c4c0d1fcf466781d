import {
  areaUnderCurve,
  calibration,
  expectedMetrics,
  forEachJudgedList,
  logLoss,
  type MetricValues,
  type Outcomes,
  type RankingRows,
  tiedGroups,
} from '#models';
import { intervalsOf } from '../intervals.ts';
import type { CardTable, Judgement, Judgements } from '../lesson.ts';

/** Scores of all rows; higher is better. */
export type RowScores = ArrayLike<number>;

export type JudgedScores = {
  readonly scores: RowScores;
  readonly givesChances: boolean;
  /** What the items came with from retrieval, where the version has it. */
  readonly retrieval: RowScores | undefined;
};

/** The item features that the baselines rank by. */
const BASELINES = {
  popularity: 'item-features.positives',
  decayedPopularity: 'item-features.popularity',
} as const;

const METRICS = { 'ndcg@10': 'ndcg', 'mrr@10': 'mrr', 'map@10': 'map' } as const;
const SHOWN = 10;

/**
 * Reranks each held-out list that has both taken and ignored items: by the model, and by the items' popularity at the time
 * when they were shown.
 */
export function judgeRanking(
  rows: RankingRows,
  { scores, givesChances, retrieval }: JudgedScores,
): Judgements {
  const judged = judgeRows(rows, scores);
  const alone = retrieval && judgeRows(rows, knownFirst(retrieval));
  const model: Judgement = {
    perUser: judged.perUser,
    metrics: {
      ...judged.metrics,
      ...(alone && { 'retrieval-ndcg@10': alone.metrics['ndcg@10'] ?? 0 }),
      ...rowMetrics(rows, scores),
      ...(givesChances && chanceMetrics(rows, scores)),
    },
  };
  const [popularity, decayedPopularity] = Object.values(BASELINES).map((name) =>
    judgeRows(rows, columnOf(rows, name)),
  ) as [Judgement, Judgement];
  return {
    model,
    popularity,
    decayedPopularity,
    intervals: intervalsOf(model.perUser),
    tables: [shownTable(rows), ...(givesChances ? [calibrationTable(rows, scores)] : [])],
  };
}

/** Items that retrieval does not know have no score: it would not have found them. */
function knownFirst(scores: RowScores): Float64Array {
  return Float64Array.from(scores, (score) => (Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score));
}

/** One ranker alone. */
export function judgeRows(rows: RankingRows, scores: RowScores): Judgement {
  const perList: Record<keyof typeof METRICS | 'list-auc', number[]> = {
    'ndcg@10': [],
    'mrr@10': [],
    'map@10': [],
    'list-auc': [],
  };
  forEachJudgedList(rows, (from, to) => {
    const labels = Float64Array.from({ length: to - from }, (_, i) =>
      Number((rows.grades[from + i] as number) > 0),
    );
    const own = Float64Array.from(labels, (_, i) => scores[from + i] as number);
    const relevant = [...labels.keys()].filter((i) => labels[i] === 1);
    const metrics = expectedMetrics(tiedGroups(own, relevant), relevant.length, SHOWN);
    for (const [name, metric] of Object.entries(METRICS))
      perList[name as keyof typeof METRICS].push(metrics[metric]);
    perList['list-auc'].push(areaUnderCurve({ predictions: own, labels }));
  });
  const perUser = Object.fromEntries(
    Object.entries(perList).map(([name, values]) => [name, Float64Array.from(values)]),
  );
  return { metrics: meansOf(perUser), perUser };
}

function columnOf({ columns, values, rows }: RankingRows, name: string): Float32Array {
  const at = columns.findIndex((column) => column.name === name);
  return Float32Array.from({ length: rows }, (_, row) => values[row * columns.length + at] || 0);
}

function meansOf(perUser: Judgement['perUser']): MetricValues {
  const mean = (values: Float64Array) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return Object.fromEntries(Object.entries(perUser).map(([name, values]) => [name, mean(values)]));
}

function shownTable(rows: RankingRows): CardTable {
  let judged = 0;
  forEachJudgedList(rows, () => judged++);
  const taken = rows.grades.filter((grade) => grade > 0).length;
  return {
    heading: 'Held-out lists',
    titles: ['lists', 'judged', 'rows', 'taken'],
    rows: [[rows.lists.length - 1, judged, rows.rows, taken].map(String)],
  };
}

function outcomesOf({ grades }: RankingRows, predictions: RowScores) {
  return { predictions, labels: grades.map((grade) => Number(grade > 0)) } satisfies Outcomes;
}

/** AUC over all rows, whichever list they are in; none where all came out alike. */
function rowMetrics(rows: RankingRows, scores: RowScores): MetricValues {
  const outcomes = outcomesOf(rows, scores);
  return new Set(outcomes.labels).size > 1 ? { auc: areaUnderCurve(outcomes) } : {};
}

/** `information-gain`: by how much chances lower the log loss of giving every row the mean rate, as a share of it. */
function chanceMetrics(rows: RankingRows, chances: RowScores): MetricValues {
  const outcomes = outcomesOf(rows, chances);
  const { labels } = outcomes;
  const rate = Array.from(labels).reduce((sum, label) => sum + label, 0) / labels.length;
  const loss = logLoss(outcomes);
  const constant = logLoss({ labels, predictions: new Float64Array(labels.length).fill(rate) });
  return {
    'log-loss': loss,
    'information-gain': 1 - loss / constant,
    'calibration-error': calibration(outcomes).error,
  };
}

function calibrationTable(rows: RankingRows, chances: RowScores): CardTable {
  return {
    heading: 'Calibration by decile',
    titles: ['rows', 'chance given', 'rate observed'],
    rows: calibration(outcomesOf(rows, chances)).bins.map(({ count, predicted, observed }) => {
      return [String(count), predicted, observed];
    }),
  };
}
