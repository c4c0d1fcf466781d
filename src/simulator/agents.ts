import type { Device, Gender, User } from '#schemas';
import type { Entry } from './catalogue.ts';
import { hash, Random } from './random.ts';
import { CATEGORIES, COUNTRIES, OCCUPATIONS, STYLES, SUBTOPICS_PER_CATEGORY } from './vocabulary.ts';

/** What an agent likes. Nothing of it is stored: it is derived from the seed and the agent's index. */
export type Tastes = {
  /** Share of attention by category; sums to 1, a few hold most of it. */
  readonly categories: Float64Array;
  /** The largest of these shares. */
  readonly favouriteShare: number;
  /** Liking of each subtopic relative to the favourite one of its category, in (0, 1]. */
  readonly subtopics: Float64Array;
  readonly styles: Float64Array;
};

export type Agent = {
  readonly index: number;
  readonly user: User;
  readonly devices: readonly Device[];
  /** Inclination to click and to like, whatever is shown; about 0. */
  readonly warmth: number;
  /** Skill at quizzes, 0 to 1. */
  readonly skill: number;
  /** Share of what an agent looks for outside of its tastes. */
  readonly curiosity: number;
  readonly tastes: Tastes;
};

const PROFILE = 11;
const TASTE = 12;
const APPEAL = 13;
const ACTIVITY = 14;
const CHRONOTYPE = 15;

/** Relative number of sessions; lognormal, so that a tenth of the agents makes a third of the events. */
export function activity(seed: number, index: number): number {
  return Math.exp(0.8 * new Random(hash(seed, ACTIVITY, index)).normal());
}

/** How far an agent's day is shifted against the world's, in hours: -3 (early riser) to 3 (night owl). */
export function chronotype(seed: number, index: number): number {
  return (hash(seed, CHRONOTYPE, index) % 7) - 3;
}

/** The public profile alone; `createdAt` in ms since the epoch. */
export function deriveUser(seed: number, index: number, createdAt: number): User {
  const random = new Random(hash(seed, PROFILE, index));
  const age = Math.round(Math.min(79, Math.max(13, 34 + 14 * random.normal())));
  const gender: Gender = (['female', 'male', 'other', 'unknown'] as const)[
    random.weighted([0.46, 0.46, 0.02, 0.06])
  ] as Gender;
  const country = COUNTRIES[
    random.weighted(COUNTRIES.map(({ share }) => share))
  ] as (typeof COUNTRIES)[number];
  return {
    user_id: `u${index + 1}`,
    age: random.chance(0.04) ? null : age,
    gender,
    occupation: occupationAt(age, random),
    country: country.code,
    language: random.chance(0.1) ? 'en' : country.language,
    created: createdAt,
  };
}

/** The agent behind a user. */
export function deriveAgent(seed: number, index: number, createdAt: number): Agent {
  const user = deriveUser(seed, index, createdAt);
  const random = new Random(hash(seed, TASTE, index));
  return {
    index,
    user,
    devices: favouriteDevices(random, user.age ?? 35),
    warmth: 0.35 * random.normal(),
    skill: random.between(0.3, 0.95),
    curiosity: random.between(0.05, 0.3),
    tastes: deriveTastes(seed, user, random),
  };
}

function occupationAt(age: number, random: Random): string {
  if (age < 20 || (age < 26 && random.chance(0.6))) return 'student';
  if (age > 66 && random.chance(0.8)) return 'retired';
  return OCCUPATIONS[1 + random.below(OCCUPATIONS.length - 3)] ?? 'other';
}

/** Two devices, the favourite one twice. */
function favouriteDevices(random: Random, age: number): readonly Device[] {
  const mobile: Device = age < 45 ? 'mobile' : random.pick(['mobile', 'tablet', 'desktop'] as const);
  return [mobile, mobile, random.pick(['desktop', 'tv', 'tablet'] as const)];
}

/**
 * A softmax over what the category is to everyone, to this demographic, and to this agent alone; the last weighs
 * most, so that a profile says something and a history says much more.
 */
function deriveTastes(seed: number, user: User, random: Random): Tastes {
  const categories = new Float64Array(CATEGORIES.length);
  for (let category = 0; category < categories.length; category++) {
    const logit = demographicAppeal(seed, category, user) + 1.7 * random.normal();
    categories[category] = Math.exp(logit);
  }
  scale(categories, 0, categories.length, (values) => values.reduce((sum, value) => sum + value, 0));
  const subtopics = new Float64Array(CATEGORIES.length * SUBTOPICS_PER_CATEGORY);
  for (let subtopic = 0; subtopic < subtopics.length; subtopic++) {
    subtopics[subtopic] = Math.exp(1.5 * random.normal());
  }
  for (let first = 0; first < subtopics.length; first += SUBTOPICS_PER_CATEGORY) {
    scale(subtopics, first, first + SUBTOPICS_PER_CATEGORY, (values) => Math.max(...values));
  }
  const styles = Float64Array.from(STYLES, () => 0.35 * random.normal());
  return { categories, favouriteShare: Math.max(...categories), subtopics, styles };
}

function scale(values: Float64Array, from: number, to: number, by: (part: Float64Array) => number): void {
  const part = values.subarray(from, to);
  const divisor = by(part);
  for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) / divisor;
}

function demographicAppeal(seed: number, category: number, user: User): number {
  const uniform = (kind: number, value: number) => hash(seed, APPEAL + kind * 100, category, value) / 2 ** 32;
  const peakAge = 16 + 50 * uniform(1, 0);
  const distance = ((user.age ?? 35) - peakAge) / 18;
  const byAge = 1.2 * Math.exp(-distance * distance) - 0.6;
  const tilt = 1.6 * (uniform(2, 0) - 0.5);
  const byGender = user.gender === 'female' ? tilt : user.gender === 'male' ? -tilt : 0;
  const byOccupation = 1.6 * (uniform(3, OCCUPATIONS.indexOf(user.occupation ?? 'other')) - 0.5);
  return 1.2 * (uniform(0, 0) - 0.5) + byAge + byGender + byOccupation;
}

/**
 * How much an entry is to an agent's taste, 0 to about 1: the category's share against the favourite one's, times
 * a factor for the subtopic. Quality, trends and habit come on top (behaviour.ts).
 */
export function interest(tastes: Tastes, entry: Entry): number {
  const share = (tastes.categories[entry.category] as number) / tastes.favouriteShare;
  return Math.sqrt(share) * (0.3 + 0.7 * (tastes.subtopics[entry.subtopic] as number));
}
