import type { Agent } from './agents.ts';
import type { Catalogue } from './catalogue.ts';
import type { Random } from './random.ts';
import type { Trend } from './rhythm.ts';
import { SUBTOPICS_PER_CATEGORY } from './vocabulary.ts';

/** One list that an agent is shown. */
export type Page = {
  readonly kind: 'home' | 'category' | 'search';
  /** Indices of entries, each at most once. */
  readonly index: readonly number[];
};

const HOME_SLOTS = 8;
const CATEGORY_SLOTS = 8;
const SEARCH_SLOTS = 6;
/** Draws for a slot before it stays empty: small shelves run out of what is not on the page yet. */
const DRAWS = 4;

/**
 * What is shown where no recommender answers: a home page that is the same policy for everyone (popular, trending,
 * new, random), and what agents go to by themselves, a category or the results of a search. The log of such a
 * world is what a recommender is first trained on; every item can appear in it, most often the popular ones.
 */
export function drawPage(
  catalogue: Catalogue,
  agent: Agent,
  trends: readonly Trend[],
  atMs: number,
  random: Random,
): Page {
  const wish = random.next();
  const kind = wish < 0.34 ? 'home' : wish < 0.7 ? 'category' : 'search';
  if (kind === 'home') {
    const index = fill(HOME_SLOTS, catalogue, agent, () => homeSlot(catalogue, trends, atMs, random));
    return { kind, index };
  }
  const category = drawCategory(agent, random);
  if (kind === 'category') {
    const shelf = catalogue.byCategory[category];
    const index = fill(CATEGORY_SLOTS, catalogue, agent, () => shelf?.draw(random, atMs) ?? -1);
    return { kind, index };
  }
  const subtopic = drawSubtopic(agent, category, random);
  const shelf = catalogue.bySubtopic[subtopic];
  const index = fill(SEARCH_SLOTS, catalogue, agent, () => shelf?.draw(random, atMs) ?? -1);
  return { kind, index };
}

function homeSlot(catalogue: Catalogue, trends: readonly Trend[], atMs: number, random: Random): number {
  const source = random.next();
  if (source < 0.55) return catalogue.everything.draw(random, atMs);
  if (source < 0.7) return trendingSlot(catalogue, trends, atMs, random);
  if (source < 0.8) return catalogue.everything.drawUniform(random, atMs, 20);
  return catalogue.everything.drawUniform(random, atMs);
}

function trendingSlot(catalogue: Catalogue, trends: readonly Trend[], atMs: number, random: Random): number {
  if (trends.length === 0) return catalogue.everything.draw(random, atMs);
  const trend = random.pick(trends);
  if (trend.kind === 'category') return catalogue.byCategory[trend.target]?.draw(random, atMs) ?? -1;
  const born = catalogue.entries[trend.target]?.bornMs ?? Number.POSITIVE_INFINITY;
  return born <= atMs ? trend.target : catalogue.everything.draw(random, atMs);
}

/** By taste, or now and then any. */
function drawCategory(agent: Agent, random: Random): number {
  const { categories } = agent.tastes;
  return random.chance(agent.curiosity) ? random.below(categories.length) : random.weighted(categories);
}

function drawSubtopic(agent: Agent, category: number, random: Random): number {
  const first = category * SUBTOPICS_PER_CATEGORY;
  if (random.chance(agent.curiosity)) return first + random.below(SUBTOPICS_PER_CATEGORY);
  return first + random.weighted(agent.tastes.subtopics.subarray(first, first + SUBTOPICS_PER_CATEGORY));
}

/** Fills slots with different entries that the agent is old enough for. */
function fill(slots: number, catalogue: Catalogue, agent: Agent, draw: () => number): number[] {
  const age = agent.user.age ?? 18;
  const index: number[] = [];
  for (let slot = 0; slot < slots; slot++) {
    for (let attempt = 0; attempt < DRAWS; attempt++) {
      const drawn = draw();
      if (drawn < 0 || index.includes(drawn)) continue;
      if ((catalogue.entries[drawn]?.item.age_limit ?? 0) > age) continue;
      index.push(drawn);
      break;
    }
  }
  return index;
}
