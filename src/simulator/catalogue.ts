import type { Item, ItemType } from '#schemas';
import { countUpTo, cumulative, drawFromPrefix, hash, Random } from './random.ts';
import { CATEGORIES, LANGUAGES, STYLES, SUBTOPICS_PER_CATEGORY, TITLES } from './vocabulary.ts';

const DAY_MS = 86_400_000;
/** Share of the catalogue that appears during the period. */
const NEW_ITEMS = 0.15;

/** An item with what agents perceive of it and no feature shows. */
export type Entry = {
  readonly item: Item;
  readonly category: number;
  /** Index over the subtopics of all categories. */
  readonly subtopic: number;
  readonly styles: readonly number[];
  /** Standard normal: how good it is. */
  readonly quality: number;
  /** Weight among the items that are shown to everyone; lognormal. */
  readonly popularity: number;
  /** When it appears, ms after the start of the period; negative: it was there before. */
  readonly bornMs: number;
  readonly price: number;
};

/** Some of the entries, oldest first, to draw from by popularity among those that exist at a time. */
class Shelf {
  readonly #indices: readonly number[];
  readonly #bornMs: Float64Array;
  readonly #popularity: Float64Array;

  constructor(entries: readonly Entry[], indices: readonly number[]) {
    this.#indices = indices;
    this.#bornMs = Float64Array.from(indices, (index) => entries[index]?.bornMs ?? 0);
    this.#popularity = cumulative(indices.map((index) => entries[index]?.popularity ?? 0));
  }

  /** An entry's index by popularity, or -1 when nothing exists yet. */
  draw(random: Random, atMs: number): number {
    const position = drawFromPrefix(random, this.#popularity, countUpTo(this.#bornMs, atMs));
    return this.#indices[position] ?? -1;
  }

  /** An entry's index regardless of popularity, among the newest `newest`. */
  drawUniform(random: Random, atMs: number, newest = Number.POSITIVE_INFINITY): number {
    const existing = countUpTo(this.#bornMs, atMs);
    return this.#indices[existing - 1 - random.below(Math.min(existing, newest))] ?? -1;
  }
}

export type Catalogue = {
  /** Oldest first; item `i7` is entry 6. */
  readonly entries: readonly Entry[];
  readonly everything: Shelf;
  readonly byCategory: readonly Shelf[];
  readonly bySubtopic: readonly Shelf[];
};

/** Where an item of that id is in `entries`, or -1. */
export function entryIndex({ entries }: Catalogue, itemId: string): number {
  const index = Number(itemId.slice(1)) - 1;
  return entries[index]?.item.item_id === itemId ? index : -1;
}

export type CatalogueOptions = {
  readonly seed: number;
  readonly items: number;
  readonly periodMs: number;
  readonly startsAt: number;
};

/** Makes the items from the seed; only `created` depends on `startsAt`. */
export function createCatalogue(options: CatalogueOptions): Catalogue {
  const random = new Random(hash(options.seed, 1));
  const titles = new Map<string, number>();
  const entries: Entry[] = [];
  for (let index = 0; index < options.items; index++) {
    entries.push(createEntry(options, index, random, titles));
  }
  const all = entries.map((_, index) => index);
  const where = (accept: (entry: Entry) => boolean) =>
    new Shelf(
      entries,
      all.filter((index) => accept(entries[index] as Entry)),
    );
  return {
    entries,
    everything: new Shelf(entries, all),
    byCategory: CATEGORIES.map((_, category) => where((entry) => entry.category === category)),
    bySubtopic: Array.from({ length: CATEGORIES.length * SUBTOPICS_PER_CATEGORY }, (_, subtopic) =>
      where((entry) => entry.subtopic === subtopic),
    ),
  };
}

/** Two thirds are videos and articles; quizzes and products share the rest. */
const TYPES: readonly ItemType[] = ['video', 'article', 'quiz', 'product'];
const TYPE_SHARES = [0.45, 0.3, 0.13, 0.12];

function createEntry(
  options: CatalogueOptions,
  index: number,
  random: Random,
  titles: Map<string, number>,
): Entry {
  const category = random.below(CATEGORIES.length);
  const within = random.below(SUBTOPICS_PER_CATEGORY);
  const { name, subtopics } = CATEGORIES[category] as (typeof CATEGORIES)[number];
  const { tag, subjects } = subtopics[within] as (typeof subtopics)[number];
  const type = TYPES[random.weighted(TYPE_SHARES)] as keyof typeof TITLES;
  const styles = drawStyles(random);
  const foreign = random.chance(0.12) ? random.pick(LANGUAGES) : undefined;
  const title = titleOf(random.pick(TITLES[type]), random.pick(subjects), foreign?.name, titles);
  const quality = random.normal();
  const bornMs = bornAt(options, index);
  return {
    item: {
      item_id: `i${index + 1}`,
      type,
      title,
      category: name,
      tags: [tag, ...styles.map((style) => STYLES[style] as string)],
      duration_ms: durationMs(random, type),
      difficulty: type === 'product' ? null : 1 + Math.min(4, Math.floor(Math.abs(random.normal()) * 2)),
      language: foreign?.code ?? 'en',
      available: true,
      age_limit: random.chance(0.06) ? random.pick([13, 16, 18]) : 0,
      countries: [],
      created: options.startsAt + bornMs,
    },
    category,
    subtopic: category * SUBTOPICS_PER_CATEGORY + within,
    styles,
    quality,
    popularity: Math.exp(0.85 * random.normal() + 0.35 * quality),
    bornMs,
    price: Math.round(random.between(5, 120) * 100) / 100,
  };
}

/** Ids follow age: the old ones spread over the year before the period, the new ones over the period. */
function bornAt({ items, periodMs }: CatalogueOptions, index: number): number {
  const old = Math.max(1, Math.round(items * (1 - NEW_ITEMS)));
  if (index < old) return -Math.ceil((1 - index / old) * 365 * DAY_MS);
  return Math.floor(((index - old + 0.5) / (items - old)) * periodMs);
}

function drawStyles(random: Random): number[] {
  const first = random.below(STYLES.length);
  const second = random.below(STYLES.length);
  return first === second || random.chance(0.4) ? [first] : [first, second];
}

function titleOf(
  template: string,
  subject: string,
  language: string | undefined,
  titles: Map<string, number>,
): string {
  const base = template.replace('{}', subject) + (language === undefined ? '' : ` (in ${language})`);
  const part = (titles.get(base) ?? 0) + 1;
  titles.set(base, part);
  return part === 1 ? base : `${base} (Part ${part})`;
}

/** Typical lengths: minutes for what is watched, read or solved; none for a product. */
function durationMs(random: Random, type: keyof typeof TITLES): number | null {
  if (type === 'product') return null;
  const typicalMinutes = type === 'video' ? 7 : type === 'article' ? 4 : 5;
  const minutes = typicalMinutes * Math.exp(0.5 * random.normal());
  return Math.round(Math.max(0.5, minutes) * 60) * 1000;
}
