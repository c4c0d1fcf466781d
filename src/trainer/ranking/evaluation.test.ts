import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RankingRows } from '#models';
import { judgeRanking, judgeRows } from './evaluation.ts';

type List = readonly { readonly grade: number; readonly score: number; readonly positives?: number }[];

function rowsOf(lists: readonly List[]): RankingRows {
  const rows = lists.flat();
  const starts = [0];
  for (const list of lists) starts.push((starts.at(-1) as number) + list.length);
  const none = new Int32Array(rows.length);
  return {
    columns: ['item-features.positives', 'item-features.popularity'].map((name) => ({ name })),
    rows: rows.length,
    values: Float32Array.from(rows.flatMap(({ positives = Number.NaN }) => [positives, -positives])),
    grades: Float32Array.from(rows, ({ grade }) => grade),
    positions: new Float32Array(rows.length),
    revenues: new Float32Array(rows.length),
    drawn: new Uint8Array(rows.length),
    lists: Int32Array.from(starts),
    shown: {
      users: [{ id: 'u', profile: null }],
      items: ['i'],
      moments: [null],
      ...{ user: none, item: none, moment: none },
      history: { offsets: new Int32Array(rows.length + 1), ids: none.subarray(0, 0) },
    },
  };
}

const judge = (lists: readonly List[]) =>
  judgeRows(
    rowsOf(lists),
    lists.flat().map(({ score }) => score),
  ).perUser;

const close = (found: Float64Array | undefined, expected: readonly number[]) => {
  assert.equal(found?.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(Math.abs((found?.[i] as number) - value) < 1e-12, `${i}: ${found?.[i]}, not ${value}`);
  });
};

const of = (...pairs: readonly (readonly [grade: number, score: number, positives?: number])[]): List =>
  pairs.map(([grade, score, positives]) => ({ grade, score, ...(positives !== undefined && { positives }) }));

const SECOND = 1 / Math.log2(3);

test('lists by hand: what was taken counts, however much came of it', () => {
  const lists = [
    of([0, 3], [1, 2], [0, 1]),
    of([3, 9], [0, 1]),
    // First and third of three: 2 of 2 pairs, less the one that is the wrong way round.
    of([0, 0.5], [2, 0.1], [1, 0.9]),
    // Beyond what is shown.
    of(...Array.from({ length: 12 }, (_, i) => [Number(i === 10), -i] as const)),
  ];
  const { 'ndcg@10': ndcg, 'mrr@10': mrr, 'map@10': map, 'list-auc': auc } = judge(lists);
  close(ndcg, [SECOND, 1, 1.5 / (1 + SECOND), 0]);
  close(mrr, [1 / 2, 1, 1, 0]);
  close(map, [1 / 2, 1, (1 + 2 / 3) / 2, 0]);
  close(auc, [1 / 2, 1, 1 / 2, 1 / 11]);
});

test('equal scores get what chance gets, whatever the order in which the items were shown', () => {
  const lists = [of([1, 1], [0, 1]), of([0, 1], [1, 1]), of([1, 0], [0, 1], [0, 0])];
  const { 'ndcg@10': ndcg, 'mrr@10': mrr, 'map@10': map, 'list-auc': auc } = judge(lists);
  const third = (SECOND + 1 / 2) / 2;
  close(ndcg, [(1 + SECOND) / 2, (1 + SECOND) / 2, third]);
  close(mrr, [3 / 4, 3 / 4, 5 / 12]);
  close(map, [3 / 4, 3 / 4, 5 / 12]);
  close(auc, [1 / 2, 1 / 2, 1 / 4]);
});

test('lists of which everything or nothing was taken are not judged; none at all is no number missing', () => {
  const all = [of([1, 1], [2, 1]), of([0, 1], [0, 2]), of([1, 1])];
  assert.equal(judge([...all, of([1, 2], [0, 1])])['list-auc']?.length, 1);
  assert.deepEqual(judgeRows(rowsOf(all), new Float64Array(5)).metrics, {
    ...{ 'ndcg@10': 0, 'mrr@10': 0, 'map@10': 0 },
    'list-auc': 0,
  });
});

test('beside the model, popularity as of then orders the same lists; the card counts them', () => {
  const lists = [of([1, 5, 1], [0, 4, 3]), of([0, 1, 1]), of([2, 1, 7], [0, 2, 2])];
  const scores = lists.flat().map(({ score }) => score);
  const judged = judgeRanking(rowsOf(lists), { scores, givesChances: false, retrieval: undefined });
  close(judged.model.perUser['ndcg@10'], [1, SECOND]);
  close(judged.popularity.perUser['ndcg@10'], [SECOND, 1]);
  close(judged.decayedPopularity.perUser['ndcg@10'], [1, SECOND]);
  assert.equal(judged.model.metrics['ndcg@10'], (1 + SECOND) / 2);
  assert.deepEqual(Object.keys(judged.intervals).toSorted(), ['list-auc', 'map@10', 'mrr@10', 'ndcg@10']);
  const { low = 0, high = 0 } = judged.intervals['ndcg@10'] ?? {};
  assert.ok(low >= SECOND - 1e-9 && high <= 1 && low < high);
  assert.deepEqual(judged.tables[0]?.rows, [['3', '2', '5', '2']]);
});

test('chances are held against the mean rate, and by decile; retrieval alone is judged beside', () => {
  const rows = rowsOf([of([1, 5, 1], [0, 4, 3]), of([0, 1, 1]), of([2, 1, 7], [0, 2, 2])]);
  const taken = Array.from(rows.grades, (grade) => Number(grade > 0));
  const rate = taken.reduce((sum, each) => sum + each, 0) / taken.length;
  const judgedBy = (scores: readonly number[]) =>
    judgeRanking(rows, { scores, givesChances: true, retrieval: scores.map((score) => -score) });
  const constant = judgedBy(taken.map(() => rate)).model.metrics;
  assert.ok(Math.abs(constant['information-gain'] ?? 1) < 1e-12);
  assert.ok(Math.abs(constant['calibration-error'] ?? 1) < 1e-12);
  const sure = judgedBy(taken.map((each) => (each === 1 ? 0.9 : 0.1)));
  const {
    'log-loss': loss = 0,
    'information-gain': gain = 0,
    'retrieval-ndcg@10': alone = 1,
  } = sure.model.metrics;
  assert.ok(Math.abs(loss + Math.log(0.9)) < 1e-12);
  const entropy = -rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate);
  assert.ok(Math.abs(gain - (1 + Math.log(0.9) / entropy)) < 1e-12);
  assert.ok(alone < (sure.model.metrics['ndcg@10'] ?? 0));
  assert.equal(sure.tables[1]?.heading, 'Calibration by decile');
});

test('what retrieval does not know stands behind all that it does, in the order of chance', () => {
  const lists = [of([0, 1], [1, 2]), of([1, 2], [0, 1], [0, 3])];
  const scores = lists.flat().map(({ score }) => score);
  const unknown = Number.NaN;
  const aloneBy = (retrieval: readonly number[]) =>
    judgeRanking(rowsOf(lists), { scores, givesChances: false, retrieval }).model.metrics[
      'retrieval-ndcg@10'
    ];
  assert.equal(aloneBy([-5, unknown, 1, unknown, unknown]), (SECOND + 1) / 2);
  const third = (SECOND + 1 / 2) / 2;
  assert.equal(aloneBy([unknown, -5, unknown, 1, unknown]), (1 + third) / 2);
});
