import type { Ranker } from './evaluation/ranking.ts';
import { rankScores } from './top-k.ts';

/** Positive interactions, in any order: items are dense ids, timestamps in ms. */
export type ItemEvents = { readonly item: Int32Array; readonly timestamp: Float64Array };

/** Number of interactions of each item: [items]. */
export function allTimePopularity(events: ItemEvents, items: number): Float64Array {
  const counts = new Float64Array(items);
  for (const item of events.item) counts[item] = (counts[item] as number) + 1;
  return counts;
}

/**
 * Popularity in which an interaction weighs 2^(-age / half-life) at `asOfMs`; later ones are left out. An item that
 * was popular long ago falls behind one that is popular now.
 */
export function decayedPopularity(
  { item, timestamp }: ItemEvents,
  items: number,
  { halfLifeMs, asOfMs }: { halfLifeMs: number; asOfMs: number },
): Float64Array {
  const scores = new Float64Array(items);
  for (let i = 0; i < item.length; i++) {
    const ageMs = asOfMs - (timestamp[i] as number);
    if (ageMs < 0) continue;
    const id = item[i] as number;
    scores[id] = (scores[id] as number) + 2 ** (-ageMs / halfLifeMs);
  }
  return scores;
}

const DAY_MS = 86_400_000;
const halfLivesMs = [1, 2, 4, 7, 14, 30, 60, 120, 365].map((days) => days * DAY_MS);

/**
 * The half-life that would have foretold the newest tenth of the events best, of a ladder from a day to a year: that
 * tenth is counted by item, and each half-life is judged by the logarithmic loss of its smoothed shares, as of the
 * moment where the tenth begins. So the baseline is tuned on what it may know, and on nothing after it.
 */
export function tuneHalfLifeMs(events: ItemEvents, items: number): number {
  const times = Float64Array.from(events.timestamp).sort();
  const asOfMs = times[Math.floor(times.length * 0.9)] ?? 0;
  const later = new Float64Array(items);
  for (let i = 0; i < events.item.length; i++) {
    if ((events.timestamp[i] as number) < asOfMs) continue;
    const id = events.item[i] as number;
    later[id] = (later[id] as number) + 1;
  }
  const before = beforeTime(events, asOfMs);
  let best = { halfLifeMs: halfLivesMs.at(-1) as number, logLoss: Number.POSITIVE_INFINITY };
  for (const halfLifeMs of halfLivesMs) {
    const scores = decayedPopularity(before, items, { halfLifeMs, asOfMs });
    const logLoss = logLossOfShares(scores, later);
    if (logLoss < best.logLoss) best = { halfLifeMs, logLoss };
  }
  return best.halfLifeMs;
}

function beforeTime({ item, timestamp }: ItemEvents, timeMs: number): ItemEvents {
  const kept = Int32Array.from(item.keys()).filter((i) => (timestamp[i] as number) < timeMs);
  return {
    item: kept.map((i) => item[i] as number),
    timestamp: Float64Array.from(kept, (i) => timestamp[i] as number),
  };
}

/** The sum of -log(share) over the later counts. A tenth of all weight is spread evenly, so that no share is 0. */
function logLossOfShares(scores: Float64Array, later: Float64Array): number {
  const total = scores.reduce((sum, score) => sum + score, 0);
  if (total === 0) return Number.POSITIVE_INFINITY;
  let loss = 0;
  for (let item = 0; item < scores.length; item++) {
    const share = (0.9 * (scores[item] as number)) / total + 0.1 / scores.length;
    loss -= (later[item] as number) * Math.log(share);
  }
  return loss;
}

/** Ranks the same list for every user: by the scores, ties by id. */
export function popularityRanker(scores: Float64Array): Ranker {
  return (_user, k, exclude) => rankScores(scores, k, exclude).ids;
}
