/** What is trained on: who had which items, oldest first; users are numbered from 1. */
import type { Sequences, TwoTowerConfig } from '#models';
import { createWorld, worldEvents } from '#simulator';
import { movieLens1MDirectory, readMovieLens1M } from '../evaluate/ml-1m/data.ts';
import { movieLensDirectory, readMovieLens100K } from '../evaluate/ml-100k/data.ts';

export type Interactions = { readonly users: number; readonly items: number; readonly sequences: Sequences };

export type TrainCase = {
  readonly name: string;
  readonly aimSeconds: number;
  /** Whether the data set is on this machine. */
  isThere(): boolean;
  read(): Promise<Interactions>;
  readonly config: Partial<Omit<TwoTowerConfig, 'seed'>>;
  /** Of the run without limit: enough for validation to stop getting better, few enough that the falling rate gets there. */
  readonly unlimitedEpochs: number;
  /** Validation recall@10 of that run: `npm run bench -- train NAME --unlimited`. Undefined: not run yet. */
  readonly unlimitedRecall?: number;
};

const chosen = { heads: 4, temperature: 0.1, unknownUserShare: 0.3, weightDecay: 0 };

export const cases: readonly TrainCase[] = [
  {
    name: 'ml-100k',
    aimSeconds: 30,
    isThere: () => movieLensDirectory() !== undefined,
    read: movieLens100K,
    config: { ...chosen, epochs: 8 },
    unlimitedEpochs: 30,
    unlimitedRecall: 0.1856,
  },
  {
    name: 'ml-1m',
    aimSeconds: 180,
    isThere: () => movieLens1MDirectory() !== undefined,
    read: movieLens1M,
    config: { ...chosen, epochs: 3 },
    unlimitedEpochs: 8,
    unlimitedRecall: 0.2834,
  },
  {
    name: 'world-10m',
    aimSeconds: 1200,
    isThere: () => true,
    read: simulated,
    config: { ...chosen, epochs: 3, learningRate: 0.018 },
    unlimitedEpochs: 6,
    unlimitedRecall: 0.0703,
  },
];

async function movieLens100K(): Promise<Interactions> {
  const { known, heldOut } = (await readMovieLens100K(movieLensDirectory() ?? '')).test;
  const whole = known.histories.map((history, user) => [...history, ...(heldOut.get(user) ?? [])]);
  return { users: known.matrix.users, items: known.matrix.items, sequences: fromOne(whole) };
}

/** Less the item that the evaluation tests. */
async function movieLens1M(): Promise<Interactions> {
  const { histories } = (await readMovieLens1M(movieLens1MDirectory() ?? '')).test;
  const items = 1 + histories.reduce((last, history) => Math.max(last, ...history), 0);
  return { users: histories.length, items, sequences: fromOne(histories) };
}

const SIMULATED = { interactions: 10_000_000, users: 200_000, items: 20_000 };

/** What the users of a simulated world take to; several events in a row with one item are one interaction. */
async function simulated(): Promise<Interactions> {
  const { interactions, users, items } = SIMULATED;
  const world = createWorld({ seed: 1, users, items, days: 365, endsAt: Date.UTC(2026, 0, 5) });
  const userIds = new Map(Array.from(world.users(), ({ user_id }, i) => [user_id, i]));
  const itemIds = new Map(world.items().map(({ item_id }, i) => [item_id, i]));
  const ofUser: number[][] = Array.from({ length: users }, () => []);
  let count = 0;
  for (const { kind, user_id, item_id } of worldEvents(world, { events: 10 * interactions })) {
    if (kind === 'impression' || kind === 'search' || kind === 'skip' || item_id === null) continue;
    const own = ofUser[userIds.get(user_id) as number] as number[];
    const item = itemIds.get(item_id) as number;
    if (own.at(-1) === item) continue;
    own.push(item);
    if (++count === interactions) break;
  }
  return { users, items, sequences: fromOne(ofUser) };
}

function fromOne(ofUser: readonly ArrayLike<number>[]): Sequences {
  return new Map(ofUser.map((items, user) => [user + 1, items]));
}
