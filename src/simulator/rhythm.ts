import { hash, Random } from './random.ts';
import { CATEGORIES } from './vocabulary.ts';

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Sessions begun in each hour of the day, relative; the evening is the peak. */
const HOURS = [
  0.35, 0.2, 0.12, 0.08, 0.07, 0.12, 0.3, 0.55, 0.7, 0.65, 0.62, 0.68, 0.85, 0.8, 0.68, 0.66, 0.75, 0.95,
  1.15, 1.4, 1.55, 1.5, 1.15, 0.7,
];
const BUSIEST_HOUR = Math.max(...HOURS);

/** Monday to Sunday. */
const WEEKDAYS = [0.95, 0.92, 0.92, 0.95, 1.0, 1.2, 1.25];

/**
 * Load of the world at a time, relative. Times are ms after the start of the period, which is `periodMs` long
 * and ends at a Sunday's midnight of the world: the world's clock is tied to the end of the period and not to a
 * time zone, so that another end shifts all events and changes nothing else.
 */
export function load(atMs: number, periodMs: number): number {
  const day = Math.floor((atMs - periodMs) / DAY_MS);
  const weekday = ((day % 7) + 7) % 7;
  return (HOURS[hourOfDay(atMs)] as number) * (WEEKDAYS[weekday] as number);
}

/** Hour of the world's day, 0 to 23. */
function hourOfDay(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) % 24;
}

/** Probability that an agent whose day is shifted by some hours is about at a time, against its best hour. */
export function wakefulness(atMs: number, shiftHours: number): number {
  return (HOURS[(hourOfDay(atMs) - shiftHours + 24) % 24] as number) / BUSIEST_HOUR;
}

/** For a while a category, or a single item, is what everybody talks about. */
export type Trend = {
  readonly kind: 'category' | 'item';
  /** Index of the category or entry. */
  readonly target: number;
  readonly fromMs: number;
  readonly toMs: number;
};

/** A category surges about every third day for two days; an item surges every day for about a day and a half. */
export function createTrends(seed: number, days: number, items: number): readonly Trend[] {
  const random = new Random(hash(seed, 2));
  const trends: Trend[] = [];
  const add = (kind: Trend['kind'], target: number, lengthDays: number) => {
    const fromMs = Math.floor(random.next() * days * DAY_MS);
    trends.push({ kind, target, fromMs, toMs: fromMs + Math.floor(lengthDays * DAY_MS) });
  };
  for (let i = 0; i < Math.ceil(days / 3); i++) add('category', random.below(CATEGORIES.length), 2);
  for (let i = 0; i < days; i++) add('item', random.below(items), 1.5);
  return trends.sort((left, right) => left.fromMs - right.fromMs);
}

/** The trends of a time that only moves forward, without a search through all of them. */
export class TrendWatch {
  readonly #trends: readonly Trend[];
  #next = 0;
  active: readonly Trend[] = [];

  constructor(trends: readonly Trend[]) {
    this.#trends = trends;
  }

  advance(toMs: number): void {
    const from = this.#next;
    while ((this.#trends[this.#next]?.fromMs ?? Number.POSITIVE_INFINITY) <= toMs) this.#next++;
    if (from === this.#next && this.active.every((trend) => trend.toMs > toMs)) return;
    const begun = [...this.active, ...this.#trends.slice(from, this.#next)];
    this.active = begun.filter((trend) => trend.toMs > toMs);
  }
}
