import assert from 'node:assert/strict';
import { it } from 'node:test';
import { itemCounts, type QualityReport } from '#versions';
import { clickLines } from './click-lines.ts';

type Source = QualityReport['answers'][number]['sources'][number];

function report(sources: readonly Source[], variant: string | null = null): QualityReport {
  const none = {
    answers: 1,
    unknown_users: 0,
    degraded: 0,
    positions: [],
    calibration: null,
    distinct_items: 0,
  };
  const scores = { count: 0, p10: null, p50: null, p90: null, drift: null };
  const answer = { version: 'abc', ranker: null, variant, ...none, ...itemCounts(sources), sources, scores };
  return { from: 0, to: 1, answers: [answer] };
}

const source = (name: Source['source'], shown: number, clicked: number): Source => {
  return { source: name, ...itemCounts([{ answered: shown, shown, clicked, positive: 0 }]) };
};

it('clicks are told beside those of popular items, and again when twice as many items were shown', () => {
  const told = new Map<string, number>();
  const lines = (...sources: readonly Source[]) => clickLines(report(sources), told);
  assert.deepEqual(lines(source('index', 99, 10)), [], 'too few');
  const popular = [source('popular', 600, 41), source('popular_in_country', 400, 40)];
  const line = 'Clicks    12.3% of 4,210 items shown by version abc (popular items 8.1%)';
  assert.deepEqual(lines(source('index', 4_210, 518), ...popular), [line]);
  assert.deepEqual(lines(source('index', 8_419, 518), ...popular), []);
  assert.deepEqual(lines(source('index', 8_420, 842)), [
    'Clicks    10.0% of 8,420 items shown by version abc',
  ]);
});

it('each variant of an experiment is told by itself', () => {
  const told = new Map<string, number>();
  const lines = (variant: string) => clickLines(report([source('index', 400, 40)], variant), told);
  assert.deepEqual(lines('b'), ['Clicks    10.0% of 400 items shown by version abc, variant b']);
  assert.deepEqual(lines('c'), ['Clicks    10.0% of 400 items shown by version abc, variant c']);
});
