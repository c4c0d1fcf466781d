import { type Agent, interest } from './agents.ts';
import type { Entry } from './catalogue.ts';
import type { Consumed } from './consumed.ts';
import type { Random } from './random.ts';
import type { Trend } from './rhythm.ts';
import type { Visit } from './visit.ts';

/** What reactions depend on beside the agent and the item. */
export type Surroundings = {
  readonly random: Random;
  readonly consumed: Consumed;
  readonly trends: readonly Trend[];
  /** Added to the click's logit: how much the place promises (found by a search: more). */
  readonly intent: number;
};

const DEFAULT_LENGTH_MS = 45_000;

/** An agent looks through a list from the top, reacts to what it sees, and at some point has had enough. */
export function browse(
  visit: Visit,
  entries: readonly Entry[],
  index: readonly number[],
  around: Surroundings,
): void {
  const { random, consumed } = around;
  let taken = 0;
  for (let position = 0; position < index.length; position++) {
    const entry = entries[index[position] as number];
    if (entry === undefined) continue;
    visit.pass(random.between(300, 1800));
    visit.record('impression', entry.item.item_id, null, null);
    const had = consumed.has(visit.agent.index, index[position] as number);
    const liking = likingOf(visit.agent, entry, around.trends, index[position] as number);
    if (random.chance(chanceOf(liking, { ...around, position, had }))) {
      consumed.add(visit.agent.index, index[position] as number);
      open(visit, entry, liking, random);
      if (++taken === 3) return;
    } else if (random.chance(0.22 * (1 - sigmoid(4 * liking - 1)))) {
      visit.record('skip', entry.item.item_id, null, null);
    }
    if (random.chance(0.06)) return;
  }
}

/** Where an agent comes upon an item. */
type Place = {
  readonly intent: number;
  /** From the top of the list, 0 for the first. */
  readonly position: number;
  /** Whether the agent has clicked on the item before. */
  readonly had: boolean;
};

/** The chance that an agent who looks at an entry, whose index is given, clicks on it. */
export function clickChance(
  agent: Agent,
  entry: Entry,
  index: number,
  place: Place & Pick<Surroundings, 'trends'>,
): number {
  return chanceOf(likingOf(agent, entry, place.trends, index), place);
}

function chanceOf(liking: number, { intent, position, had }: Place): number {
  return sigmoid(5.2 * liking - 3.1 + intent - 0.06 * position - (had ? 3 : 0));
}

/** Taste, and what adds to it: quality, style, warmth, language, a trend. About 0 to 1. */
function likingOf(agent: Agent, entry: Entry, trends: readonly Trend[], index: number): number {
  let liking = interest(agent.tastes, entry) + 0.08 * entry.quality + 0.15 * agent.warmth;
  for (const style of entry.styles) liking += 0.15 * (agent.tastes.styles[style] as number);
  const { language } = entry.item;
  if (language !== 'en' && language !== agent.user.language) liking -= 0.5;
  // An age limit turns the agent away at the door, whatever the title promised.
  if (entry.item.age_limit > (agent.user.age ?? 18)) liking -= 2;
  for (const trend of trends) {
    if (trend.target === (trend.kind === 'item' ? index : entry.category)) liking += 0.08;
  }
  return liking;
}

/** After a click: view, and what follows for the item's type. */
function open(visit: Visit, entry: Entry, liking: number, random: Random): void {
  const { item } = entry;
  visit.pass(random.between(300, 2500));
  visit.record('click', item.item_id, null, null);
  if (random.chance(0.07)) return;
  const share = shareWatched(liking, random);
  const watchMs = Math.round((item.duration_ms ?? DEFAULT_LENGTH_MS) * share);
  visit.pass(watchMs);
  visit.record('view', item.item_id, null, watchMs);
  if (item.type === 'product') {
    buy(visit, entry, liking, random);
    return;
  }
  if (share < 0.9) return;
  visit.record('complete', item.item_id, null, watchMs);
  if (item.type === 'quiz') quizScore(visit, entry, random);
  opinion(visit, item.item_id, liking, random);
}

/** A U shape, as watch times have: left early or seen to the end. */
function shareWatched(liking: number, random: Random): number {
  if (random.chance(sigmoid(4 * liking - 1.4))) return random.between(0.9, 1);
  return Math.max(0.02, 0.9 * random.next() * random.next());
}

function buy(visit: Visit, entry: Entry, liking: number, random: Random): void {
  if (!random.chance(sigmoid(4 * liking - 3.2))) return;
  visit.pass(random.between(20_000, 120_000));
  visit.record('purchase', entry.item.item_id, entry.price, null);
  opinion(visit, entry.item.item_id, liking, random);
}

function quizScore(visit: Visit, entry: Entry, random: Random): void {
  const hardness = ((entry.item.difficulty ?? 3) - 3) * 0.1;
  const score = visit.agent.skill - hardness + 0.15 * random.normal();
  const rounded = Math.round(Math.min(1, Math.max(0, score)) * 20) / 20;
  visit.record('quiz_score', entry.item.item_id, rounded, null);
}

function opinion(visit: Visit, itemId: string, liking: number, random: Random): void {
  visit.pass(random.between(500, 4000));
  if (random.chance(sigmoid(4 * liking - 3))) visit.record('like', itemId, null, null);
  if (random.chance(0.16)) {
    visit.pass(random.between(500, 4000));
    const stars = 2.3 + 2.3 * liking + 0.7 * random.normal();
    visit.record('rating', itemId, Math.round(Math.min(5, Math.max(1, stars))), null);
  }
  if (random.chance(0.05)) {
    visit.pass(random.between(8_000, 60_000));
    visit.record('comment', itemId, null, null);
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
