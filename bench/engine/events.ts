/**
 * The events of the engine's benchmark, as the Kafka Streams side has them: the same fields, sizes, keys and
 * distribution (zipf with s = 1, ranks scattered over the ids), from a generator of our own.
 */

export const USERS = 100_000;
export const ITEMS = 20_000;
const CATEGORIES = ['film', 'series', 'sport'] as const;

export type View = {
  readonly item: string;
  readonly category: (typeof CATEGORIES)[number];
  readonly watch: number;
  readonly ts: number;
  readonly session: string;
  readonly device: string;
  readonly country: string;
  readonly referrer: string;
};

export type Profile = {
  readonly plan: string;
  readonly country: string;
  readonly signup: number;
  readonly segment: string;
};

export type Enriched = { readonly view: View; readonly profile: Profile };

/** What is kept of a user: about 100 bytes. */
export type Totals = {
  readonly count: number;
  readonly sum: number;
  readonly last: number;
  readonly film: number;
  readonly series: number;
  readonly sport: number;
  readonly item: string;
  readonly session: string;
};

type Field = readonly [name: string, type: unknown];
const record = (name: string, fields: readonly Field[]) => ({
  type: 'record',
  name,
  namespace: 'millrace.bench',
  fields: fields.map(([name, type]) => ({ name, type })),
});

export const viewSchema = record('View', [
  ['item', 'string'],
  ['category', { type: 'enum', name: 'Category', symbols: CATEGORIES }],
  ['watch', 'double'],
  ['ts', 'long'],
  ['session', 'string'],
  ['device', 'string'],
  ['country', 'string'],
  ['referrer', 'string'],
]);
export const profileSchema = record('Profile', [
  ['plan', 'string'],
  ['country', 'string'],
  ['signup', 'long'],
  ['segment', 'string'],
]);
export const enrichedSchema = record('Enriched', [
  ['view', viewSchema],
  ['profile', profileSchema],
]);
export const totalsSchema = record('Totals', [
  ['count', 'long'],
  ['sum', 'double'],
  ['last', 'long'],
  ['film', 'double'],
  ['series', 'double'],
  ['sport', 'double'],
  ['item', 'string'],
  ['session', 'string'],
]);
export const countSchema = { type: 'long' };

export const noTotals: Totals = {
  count: 0,
  sum: 0,
  last: 0,
  film: 0,
  series: 0,
  sport: 0,
  item: '',
  session: '',
};

export function addView(totals: Totals, { item, category, watch, ts, session }: View): Totals {
  return {
    count: totals.count + 1,
    sum: totals.sum + watch,
    last: Math.max(totals.last, ts),
    film: totals.film + (category === 'film' ? watch : 0),
    series: totals.series + (category === 'series' ? watch : 0),
    sport: totals.sport + (category === 'sport' ? watch : 0),
    item,
    session,
  };
}

export const userId = (user: number) => `user-${String(user).padStart(8, '0')}`;
const itemId = (item: number) => `item-${String(item).padStart(8, '0')}`;

/** Zipf's law: cumulative probabilities by rank. */
function zipf(count: number): Float64Array {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) cumulative[rank] = sum += 1 / (rank + 1);
  return cumulative.map((value) => value / sum);
}

/** Seeded source of events. */
export class Events {
  readonly #users = zipf(USERS);
  readonly #items = zipf(ITEMS);
  #state: number;

  constructor(seed = 42) {
    this.#state = seed;
  }

  /** Mulberry32: 32 bits at a time. */
  #bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return (bits ^ (bits >>> 14)) >>> 0;
  }

  below(bound: number): number {
    return Math.floor((this.#bits() / 2 ** 32) * bound);
  }

  #draw(cumulative: Float64Array): number {
    const wanted = this.#bits() / 2 ** 32;
    let low = 0;
    for (let high = cumulative.length - 1; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return (low * 7919) % cumulative.length;
  }

  user(): string {
    return userId(this.#draw(this.#users));
  }

  view(ts: number): View {
    return {
      item: itemId(this.#draw(this.#items)),
      category: CATEGORIES[this.below(3)] ?? 'film',
      watch: this.below(7200) + 0.5,
      ts,
      session: this.#uuid(),
      device: this.below(2) === 0 ? 'android-tv-12.1' : 'iphone-17.4.1',
      country: this.below(2) === 0 ? 'US' : 'DE',
      referrer: `home/recommended/row-${this.below(10)}`,
    };
  }

  #uuid(): string {
    const words = Array.from({ length: 4 }, () => this.#bits().toString(16).padStart(8, '0'));
    return words.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}

export function profileOf(user: number, signup: number): Profile {
  return {
    plan: user % 3 === 0 ? 'premium' : 'standard',
    country: 'US',
    signup,
    segment: `segment-${user % 50}`,
  };
}
