import assert from 'node:assert/strict';
import { it } from 'node:test';
import { countValue, emptySketch, noValues, QUALITY_HOUR_MS, valueBucket, withItems } from '#processors';
import type { AnswerContents, AnswerOutcomes, ValueCounts } from '#schemas';
import { calibrationOf } from './calibration.ts';
import { driftSinceTraining } from './drift.ts';
import { rankerInputs } from './inputs.ts';
import { qualityReport } from './report.ts';

const FROM = Date.UTC(2026, 0, 1);
const HOUR = QUALITY_HOUR_MS;

function outcomes(changes: Partial<AnswerOutcomes>): AnswerOutcomes {
  const none = { partition: 0, answers: 1, unknown_users: 0, degraded: 0, sources: [], chances: [] };
  return { hour: FROM, version: 'v', ranker: null, variant: null, ...none, ...changes };
}

function contents(changes: Partial<AnswerContents>): AnswerContents {
  const none = { partition: 0, items: emptySketch(), scores: noValues(), inputs: [] };
  return { hour: FROM, version: 'v', ranker: null, variant: null, ...none, ...changes };
}

function valuesOf(numbers: Iterable<number>): ValueCounts {
  const values = noValues();
  for (const number of numbers) countValue(values, number);
  return values;
}

const place = (answered: number, shown = 0, clicked = 0, positive = 0) => ({
  answered,
  shown,
  clicked,
  positive,
});
const upTo = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

it('adds up partitions and hours by version, ranker and variant, over the requested hours', () => {
  const source = (...positions: readonly ReturnType<typeof place>[]) => [
    { source: 'index' as const, positions: [...positions] },
  ];
  const rows = [
    outcomes({ sources: source(place(5, 4, 1), place(5, 2)) }),
    outcomes({ hour: FROM + HOUR, partition: 1, answers: 2, sources: source(place(3, 3, 2, 1)) }),
    outcomes({ hour: FROM - 23 * HOUR, sources: source(place(100, 100, 100)) }),
    outcomes({ variant: 'b', degraded: 1, sources: [{ source: 'popular', positions: [place(8, 0, 2)] }] }),
  ];
  const items = (...ids: readonly string[]) => withItems(emptySketch(), ids);
  const described = [
    contents({ items: items('a', 'b') }),
    contents({ hour: FROM + HOUR, partition: 1, items: items('b', 'c') }),
    contents({ hour: FROM - 23 * HOUR, items: items('x', 'y') }),
  ];
  const { from, to, answers } = qualityReport({ outcomes: rows, contents: described }, 24);
  assert.deepEqual([from, to], [FROM - 22 * HOUR, FROM + 2 * HOUR]);
  const [own, other] = answers;
  const counts = { answered: 13, shown: 9, clicked: 3, positive: 1, click_rate: 3 / 9 };
  assert.deepEqual(own && { ...own, scores: undefined }, {
    version: 'v',
    ranker: null,
    variant: null,
    answers: 3,
    unknown_users: 0,
    degraded: 0,
    ...counts,
    sources: [{ source: 'index', ...counts }],
    positions: [
      { answered: 8, shown: 7, clicked: 3, positive: 1, click_rate: 3 / 7 },
      { answered: 5, shown: 2, clicked: 0, positive: 0, click_rate: 0 },
    ],
    calibration: null,
    distinct_items: 3,
    scores: undefined,
  });
  assert.deepEqual([other?.variant, other?.degraded], ['b', 1]);
  assert.equal(other?.click_rate, 2 / 8, 'of those answered, since nobody says what was shown');
});

it('says that there is nothing where there were no answers', () => {
  assert.deepEqual(qualityReport({ outcomes: [], contents: [] }, 24), { from: null, to: null, answers: [] });
});

it('calibration compares chances with what came true, by tenths of the items', () => {
  const chance = (value: number, shown: number, taken: number) => {
    return { bucket: valueBucket(value), shown, millionths: Math.round(shown * value * 1e6), taken };
  };
  const found = calibrationOf([chance(0.5, 100, 50), chance(0.125, 100, 25)]);
  assert.deepEqual(found, {
    shown: 200,
    expected: 0.3125,
    taken: 0.375,
    error: 0.0625,
    deciles: [
      { shown: 100, expected: 0.125, taken: 0.25 },
      { shown: 100, expected: 0.5, taken: 0.5 },
    ],
  });
  const tenths = calibrationOf(
    upTo(100, (i) => chance(2 ** (i / 16 - 7), 10, 1)).filter((_, i) => i % 2 === 0),
  );
  assert.equal(tenths?.deciles.length, 10);
  assert.notEqual(calibrationOf([chance(1, 10, 5)]), null);
  for (const wrong of [1.2, -0.5])
    assert.equal(calibrationOf([chance(0.5, 10, 5), chance(wrong, 1, 0)]), null);
  assert.equal(calibrationOf([]), null);
});

it('scores have quantiles, and their drift is measured against the first hour that has enough of them', () => {
  const report = (...hours: readonly (readonly number[])[]) =>
    qualityReport(
      {
        outcomes: [outcomes({ hour: FROM + (hours.length - 1) * HOUR })],
        contents: hours.map((scores, i) => contents({ hour: FROM + i * HOUR, scores: valuesOf(scores) })),
      },
      1,
    ).answers[0]?.scores;
  const even = upTo(1_000, (i) => 1 + i / 1_000);
  const scores = report([0.1], even, even);
  assert.equal(scores?.count, 1_000);
  assert.ok(Math.abs((scores?.p50 ?? 0) - 1.5) < 0.1, `${scores?.p50}`);
  assert.deepEqual(scores?.drift, { psi: 0, reference: 'first-hour' });
  assert.ok(
    (report(
      even,
      upTo(1_000, (i) => 1.5 + i / 1_000),
    )?.drift?.psi ?? 0) > 0.25,
  );
  assert.equal(report(even)?.drift, null, 'there is but one hour');
  assert.equal(report(even, [1])?.drift, null, 'one score is no distribution');
});

it('drift since training is 0 for the same numbers, also where they lie on the edges of buckets', () => {
  const numbers = upTo(1_000, (i) => i % 10);
  const shares = upTo(10, (i) => (i + 1) / 10);
  const column = { count: 1_000, values: upTo(10, (i) => i), shares };
  assert.deepEqual(driftSinceTraining(column, valuesOf(numbers)), { psi: 0, reference: 'snapshot' });
  const moved = driftSinceTraining(column, valuesOf(numbers.map((each) => each * 2)));
  assert.ok((moved?.psi ?? 0) > 0.25);
  assert.equal(driftSinceTraining(column, valuesOf([1, 2])), null);
  assert.equal(driftSinceTraining({ ...column, count: 100 }, valuesOf(numbers)), null);
});

it('inputs of the ranker in force are named, and compared with training where it had the column', () => {
  const views = valuesOf(upTo(600, (i) => i % 10));
  const ages = valuesOf([...upTo(600, (i) => i % 7), Number.NaN]);
  const rows = [
    contents({ ranker: 'r', inputs: [views, ages] }),
    contents({ ranker: 'r', hour: FROM + HOUR, inputs: [views, ages] }),
    contents({ ranker: 'old', hour: FROM + 2 * HOUR, inputs: [ages] }),
  ];
  const summary = { count: 0, distinct: 0, mean: null, std: null, min: null, max: null, quantiles: null };
  const training = [
    {
      name: 'user_views',
      kind: 'number' as const,
      rows: 1_000,
      missing: 0,
      notFinite: 0,
      train: summary,
      all: summary,
      distribution: { count: 1_000, values: upTo(10, (i) => i), shares: upTo(10, (i) => (i + 1) / 10) },
    },
  ];
  const ranker = { id: 'r', features: ['user-features.views', 'item-profile.age_days'] };
  const [first, second] = rankerInputs(ranker, rows, training);
  assert.deepEqual([first?.feature, first?.count, first?.missing], ['user-features.views', 600, 0]);
  assert.equal(first?.drift?.reference, 'snapshot');
  assert.ok((first?.drift?.psi ?? 1) < 1e-9);
  assert.deepEqual(second?.drift, { psi: 0, reference: 'first-hour' });
  assert.equal(second?.missing, 1 / 601);
  assert.deepEqual(rankerInputs({ ...ranker, id: 'unknown' }, rows, training), []);
});
