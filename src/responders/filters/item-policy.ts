import type { ItemClass, ItemFacts } from '../view-store/port.ts';

/** Why an item can't be shown, by what the catalogue says of it. */
export type PolicyRefusal =
  | 'unknown'
  | 'unavailable'
  | 'age'
  | 'country'
  | 'language'
  | 'category'
  | 'freshness';

export type ItemLimits = {
  /** Years; items with a higher age limit are not shown. */
  readonly age: number;
  /** Null where it is unknown: items that are limited to countries are not shown then. */
  readonly country: string | null;
  /** The only languages of items, BCP 47; items without a language pass. Null for any. */
  readonly languages: readonly string[] | null;
  /** The only category; null for any. */
  readonly category: string | null;
  /** Ms since the epoch: items that came to the catalogue earlier are not shown; -Infinity for any. */
  readonly createdSince: number;
};

function classRefusal(
  { available, ageLimit, countries, language, category }: ItemClass,
  limits: ItemLimits,
): PolicyRefusal | undefined {
  if (!available) return 'unavailable';
  if (ageLimit > limits.age) return 'age';
  const { country, languages } = limits;
  if (countries.length > 0 && (country === null || !countries.includes(country))) return 'country';
  if (languages !== null && language !== null && !languages.some((wanted) => speaks(language, wanted)))
    return 'language';
  return limits.category === null || category === limits.category ? undefined : 'category';
}

/** BCP 47: `de-AT` is German as well. */
function speaks(language: string, wanted: string): boolean {
  const [own, asked] = [language.toLowerCase(), wanted.toLowerCase()];
  return own === asked || own.startsWith(`${asked}-`);
}

/**
 * What may be shown at all in an answer, by facts of the catalogue alone. Items of one class fare alike but for their
 * age, so an index decides once a class and not once an item.
 */
export class ItemPolicy {
  /** Available items, whoever asks. */
  static readonly open = new ItemPolicy({
    age: Number.POSITIVE_INFINITY,
    country: null,
    languages: null,
    category: null,
    createdSince: Number.NEGATIVE_INFINITY,
  });

  readonly createdSince: number;
  readonly #limits: ItemLimits;

  constructor(limits: ItemLimits) {
    this.createdSince = limits.createdSince;
    this.#limits = limits;
  }

  /** Policies of one key treat classes alike, as long as no class has another age limit than these. */
  keyAmong(ageLimits: readonly number[]): string {
    const { age, country, languages, category } = this.#limits;
    let passed = 0;
    for (const limit of ageLimits) if (limit <= age) passed++;
    return JSON.stringify([passed, country, languages, category]);
  }

  admits(item: ItemClass): boolean {
    return classRefusal(item, this.#limits) === undefined;
  }

  /** The first reason; undefined for an item that may be shown. */
  refusal(item: number, facts: ItemFacts): PolicyRefusal | undefined {
    const own = facts.classOf(item);
    if (own === undefined) return 'unknown';
    const refusal = classRefusal(own, this.#limits);
    if (refusal !== undefined) return refusal;
    return facts.createdOf(item) < this.createdSince ? 'freshness' : undefined;
  }
}
