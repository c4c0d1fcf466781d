import { ConfigurationError } from '#platform';
import type { Item, User } from '#schemas';
import { type Agent, activity, deriveAgent, deriveUser } from './agents.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { cumulative, drawFromPrefix, type Random } from './random.ts';
import { createTrends, DAY_MS, type Trend } from './rhythm.ts';

export type WorldOptions = {
  /** An integer; the same seed gives the same world. */
  readonly seed: number;
  readonly users: number;
  readonly items: number;
  readonly days: number;
  /** End of the period, ms since the epoch, exclusive. The world's midnight: whole days keep its hours. */
  readonly endsAt: number;
};

/** Share of the users who arrive during the period. */
const NEW_USERS = 0.15;

/**
 * A seeded world: a catalogue, trends, and agents. Of an agent only its activity is kept (8 bytes); everything
 * else is derived from the seed when it is needed.
 */
export class World {
  readonly seed: number;
  readonly userCount: number;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly periodMs: number;
  readonly catalogue: Catalogue;
  readonly trends: readonly Trend[];
  readonly #activity: Float64Array;
  /** Users who were there before the period. */
  readonly #settled: number;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.userCount = options.users;
    this.endsAt = options.endsAt;
    this.periodMs = options.days * DAY_MS;
    this.startsAt = options.endsAt - this.periodMs;
    this.catalogue = createCatalogue({ ...options, periodMs: this.periodMs, startsAt: this.startsAt });
    this.trends = createTrends(options.seed, options.days, options.items);
    this.#settled = Math.max(1, Math.round(options.users * (1 - NEW_USERS)));
    const weights = new Float64Array(options.users);
    for (let index = 0; index < weights.length; index++) weights[index] = activity(options.seed, index);
    this.#activity = cumulative(weights);
  }

  /** The catalogue in order of `created`. */
  items(): readonly Item[] {
    return this.catalogue.entries.map(({ item }) => item);
  }

  /** All users in order of `created`. */
  *users(): Generator<User> {
    for (let index = 0; index < this.userCount; index++) {
      yield deriveUser(this.seed, index, this.startsAt + this.#arrivalMs(index));
    }
  }

  agent(index: number): Agent {
    return deriveAgent(this.seed, index, this.startsAt + this.#arrivalMs(index));
  }

  /** The index of an agent by activity, among those who have arrived `atMs` after the start of the period. */
  drawAgent(random: Random, atMs: number): number {
    return drawFromPrefix(random, this.#activity, this.#arrived(atMs));
  }

  /** Ids follow arrival, so that those present at a time are a prefix. */
  #arrivalMs(index: number): number {
    if (index < this.#settled) return -Math.ceil((1 - index / this.#settled) * 365 * DAY_MS);
    const share = (index - this.#settled + 0.5) / (this.userCount - this.#settled);
    return Math.floor(share * this.periodMs);
  }

  #arrived(atMs: number): number {
    if (atMs >= this.periodMs) return this.userCount;
    const newcomers = Math.ceil((atMs / this.periodMs) * (this.userCount - this.#settled));
    let count = Math.min(this.userCount, this.#settled + Math.max(0, newcomers));
    while (count > this.#settled && this.#arrivalMs(count - 1) > atMs) count--;
    return count;
  }
}

/** @throws ConfigurationError MR_SIMULATOR_WORLD when an option is not a number that a world can have. */
export function createWorld(options: WorldOptions): World {
  const whole = (name: 'users' | 'items' | 'days', most: number) => {
    const value = options[name];
    if (Number.isInteger(value) && value >= 1 && value <= most) return;
    throw refused(`${name} is ${value}`, `Use a whole number from 1 to ${most}.`);
  };
  whole('users', 100_000_000);
  whole('items', 10_000_000);
  whole('days', 3_650);
  if (!Number.isSafeInteger(options.seed)) throw refused(`seed is ${options.seed}`, 'Use an integer.');
  if (!Number.isSafeInteger(options.endsAt)) {
    throw refused(`endsAt is ${options.endsAt}`, 'Use milliseconds since the epoch.');
  }
  return new World(options);
}

function refused(what: string, hint: string): ConfigurationError {
  return new ConfigurationError('MR_SIMULATOR_WORLD', `The world's parameters are invalid: ${what}.`, {
    hint,
  });
}
