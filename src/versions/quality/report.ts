import { itemsInSketch, mergeSketches, QUALITY_HOUR_MS } from '#processors';
import type { AnswerContents, AnswerOutcomes, CandidateSource, ChanceOutcomes } from '#schemas';
import { type Calibration, calibrationOf } from './calibration.ts';
import { countOf, type Drift, driftSinceFirst, quantileOf, together } from './drift.ts';

/** Outcomes of items in answers. */
export type ItemCounts = {
  /** Items answered to known users; what the others do is not known. */
  readonly answered: number;
  /** Items whose impression was published. */
  readonly shown: number;
  readonly clicked: number;
  /** Completed, liked, commented, rated or bought. */
  readonly positive: number;
  /** Clicked of those shown; of those answered where no impression is published; null without any. */
  readonly click_rate: number | null;
};

/** What the answers of one version, ranker and variant came to. */
export type AnswerQuality = ItemCounts & {
  readonly version: string | null;
  readonly ranker: string | null;
  readonly variant: string | null;
  readonly answers: number;
  readonly unknown_users: number;
  readonly degraded: number;
  readonly sources: readonly (ItemCounts & { readonly source: CandidateSource })[];
  /** By place in the answer, from 0; the last, the 21st, is all that follow. */
  readonly positions: readonly ItemCounts[];
  readonly calibration: Calibration | null;
  /** About how many different items were in the answers. */
  readonly distinct_items: number;
  /** Distribution of the model scores. */
  readonly scores: {
    readonly count: number;
    readonly p10: number | null;
    readonly p50: number | null;
    readonly p90: number | null;
    readonly drift: Drift | null;
  };
};

export type QualityReport = {
  /** Answers from here on, ms; null without any. */
  readonly from: number | null;
  /** To here. */
  readonly to: number | null;
  readonly answers: readonly AnswerQuality[];
};

export type Rows = {
  readonly outcomes: Iterable<AnswerOutcomes>;
  readonly contents: Iterable<AnswerContents>;
};

const noCounts = { answered: 0, shown: 0, clicked: 0, positive: 0 };
type Counts = typeof noCounts;

/** Reports on the last `hours` of event time with answers, the current, unfinished hour included. */
export function qualityReport({ outcomes, contents }: Rows, hours: number): QualityReport {
  const counted = [...outcomes];
  if (counted.length === 0) return { from: null, to: null, answers: [] };
  const to = counted.reduce((newest, { hour }) => Math.max(newest, hour), 0) + QUALITY_HOUR_MS;
  const from = to - hours * QUALITY_HOUR_MS;
  const groups = Map.groupBy(
    counted.filter(({ hour }) => hour >= from),
    groupOf,
  );
  const described = Map.groupBy(contents, groupOf);
  const answers = [...groups].map(([group, rows]) => qualityOf(rows, described.get(group) ?? [], from));
  return { from, to, answers: answers.sort((a, b) => b.answers - a.answers) };
}

function groupOf({ version, ranker, variant }: AnswerOutcomes | AnswerContents): string {
  return JSON.stringify([version, ranker, variant]);
}

function qualityOf(
  rows: readonly AnswerOutcomes[],
  described: readonly AnswerContents[],
  from: number,
): AnswerQuality {
  const { version, ranker, variant } = rows[0] as AnswerOutcomes;
  const sum = (of: (row: AnswerOutcomes) => number) => rows.reduce((total, row) => total + of(row), 0);
  const all = rows.flatMap(({ sources }) => sources);
  const bySource = Map.groupBy(all, ({ source }) => source);
  const places = Math.max(0, ...all.map(({ positions }) => positions.length));
  const recent = described.filter(({ hour }) => hour >= from);
  const scores = together(recent.map((row) => row.scores));
  return {
    version,
    ranker,
    variant,
    answers: sum((row) => row.answers),
    unknown_users: sum((row) => row.unknown_users),
    degraded: sum((row) => row.degraded),
    ...itemCounts(all.flatMap(({ positions }) => positions)),
    sources: [...bySource]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([source, each]) => ({ source, ...itemCounts(each.flatMap(({ positions }) => positions)) })),
    positions: Array.from({ length: places }, (_, place) =>
      itemCounts(all.flatMap(({ positions }) => positions[place] ?? [])),
    ),
    calibration: calibrationOf(chancesOf(rows)),
    distinct_items: distinctItems(recent),
    scores: {
      count: countOf(scores),
      p10: quantileOf(scores, 0.1),
      p50: quantileOf(scores, 0.5),
      p90: quantileOf(scores, 0.9),
      drift: driftSinceFirst(described, (row) => row.scores),
    },
  };
}

export function itemCounts(all: readonly Counts[]): ItemCounts {
  const sum = { ...noCounts };
  for (const each of all) {
    sum.answered += each.answered;
    sum.shown += each.shown;
    sum.clicked += each.clicked;
    sum.positive += each.positive;
  }
  const of = sum.shown > 0 ? sum.shown : sum.answered;
  return { ...sum, click_rate: of === 0 ? null : Math.min(1, sum.clicked / of) };
}

function distinctItems(rows: readonly AnswerContents[]): number {
  const [first, ...others] = rows.map(({ items }) => items);
  return first === undefined ? 0 : itemsInSketch(others.reduce(mergeSketches, first));
}

function chancesOf(rows: readonly AnswerOutcomes[]): readonly ChanceOutcomes[] {
  const byBucket = new Map<number, ChanceOutcomes>();
  for (const { chances } of rows) {
    for (const { bucket, shown, millionths, taken } of chances) {
      const sum = byBucket.get(bucket) ?? { bucket, shown: 0, millionths: 0, taken: 0 };
      sum.shown += shown;
      sum.millionths += millionths;
      sum.taken += taken;
      byBucket.set(bucket, sum);
    }
  }
  return [...byBucket.values()];
}
