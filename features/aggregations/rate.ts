/** Rates as two exact counts, smoothed when read. */
import type { Aggregation } from '../aggregation.ts';
import { addExact } from './sums.ts';

/** A rate believed before any trial, and how many trials outweigh the belief. */
export type Prior = { readonly rate: number; readonly strength: number };

export type RateState = { successes: number; trials: number };

/** The share of `trial` events that `success` events are; an event may be both. `smoothedRate` says how it is read. */
export function rate<Event>(of: {
  readonly success: (event: Event) => boolean;
  readonly trial: (event: Event) => boolean;
  readonly prior: Prior;
}): Aggregation<RateState, Event, number> {
  const { success, trial, prior } = of;
  return {
    empty: () => ({ successes: 0, trials: 0 }),
    add: (state, event) => {
      if (success(event)) state.successes = addExact(state.successes, 1);
      if (trial(event)) state.trials = addExact(state.trials, 1);
      return state;
    },
    merge: (a, b) => ({
      successes: addExact(a.successes, b.successes),
      trials: addExact(a.trials, b.trials),
    }),
    encode: (writer, { successes, trials }) => {
      writer.unsigned(successes);
      writer.unsigned(trials);
    },
    decode: (reader) => {
      const successes = reader.unsigned();
      return { successes, trials: reader.unsigned() };
    },
    finish: ({ successes, trials }) => smoothedRate(successes, trials, prior),
  };
}

/**
 * The posterior mean of a rate under a beta prior: few trials stay near the prior. Producers differ in what they
 * report (a click without its impression), so a success without a trial counts as one, and the rate never passes 1.
 */
export function smoothedRate(successes: number, trials: number, prior: Prior): number {
  return (successes + prior.strength * prior.rate) / (Math.max(trials, successes) + prior.strength);
}
