import type { CandidateSource } from '#schemas';
import { itemIdOf } from '../view-store/item-numbers.ts';

/** In the order in which they are asked. */
const SOURCES: readonly CandidateSource[] = [
  'index',
  'co_visited',
  'followed_category',
  'trending',
  'new',
  'popular_in_country',
  'popular_in_cohort',
  'popular',
  'promoted',
];

/** A source as a bit. */
export function bitOf(source: CandidateSource): number {
  return 1 << SOURCES.indexOf(source);
}

/** The first of the sources whose bits are given; undefined for none. */
export function sourceOf(bits: number): CandidateSource | undefined {
  return SOURCES[31 - Math.clz32(bits & -bits)];
}

/**
 * An item that an answer may hold. There is one object for it from the source that finds it to the place in which it is shown,
 * and each stage adds what it finds out: copying some hundreds of them in each stage was a good part of an answer's time.
 */
export class Candidate {
  /** See item-numbers.ts. */
  readonly item: number;
  /** By the source that found it first, on its own scale. */
  readonly sourceScore: number;
  /** The bits of all that found it. */
  foundBy: number;
  /** By the ranker, or else by the version that finds items; NaN where neither scored it. */
  score = Number.NaN;
  /** Probability with which it was put in its place; 1 where nothing is left to chance. */
  propensity = 1;
  /** Whether configuration put it in its place, and not its score. */
  isPromoted = false;

  constructor(item: number, foundBy: number, sourceScore: number) {
    this.item = item;
    this.foundBy = foundBy;
    this.sourceScore = sourceScore;
  }

  get itemId(): string {
    return itemIdOf(this.item);
  }

  /** What found it first; undefined for what only configuration names. */
  get source(): CandidateSource | undefined {
    return sourceOf(this.foundBy);
  }

  /** All that found it. */
  get sources(): CandidateSource[] {
    return SOURCES.filter((source) => (this.foundBy & bitOf(source)) !== 0);
  }

  /** As answers have it: null where nothing scored it. */
  get scoreOrNull(): number | null {
    return Number.isNaN(this.score) ? null : this.score;
  }
}

/** Greater scores first, for those that were scored; equal ones stay in their order. */
export function byScore(a: Candidate, b: Candidate): number {
  // A difference would be a number on the heap for each comparison.
  return a.score > b.score ? -1 : Number(a.score < b.score);
}
