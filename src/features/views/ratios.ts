/** The arithmetic that feature rows share. All of it runs in `finish`, on exact counts. */
import type { Interaction } from '#schemas';

const DAY_MS = 86_400_000;

/** A rate believed before any trial, and how many trials outweigh the belief. */
export type Prior = { readonly rate: number; readonly strength: number };

/**
 * The posterior mean of a rate under a beta prior: few trials stay near the prior. Producers differ in what they
 * report (a click without its impression), so a success without a trial counts as one, and the rate never passes 1.
 */
export function smoothedRate(successes: number, trials: number, prior: Prior): number {
  return (successes + prior.strength * prior.rate) / (Math.max(trials, successes) + prior.strength);
}

/** Days from `ts` to `now`, both ms; 0 for an event that is newer than now, null without one. */
export function daysSince(ts: number | null, now: number): number | null {
  return ts === null ? null : Math.max(0, now - ts) / DAY_MS;
}

/** Whether the event brings a value for `rating_mean`. */
export function isRated(event: Interaction): boolean {
  return event.kind === 'rating' && event.value !== null;
}
