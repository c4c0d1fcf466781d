import { defineProcessor, port, type Serde } from '#engine';
import { RankHistogram } from '#features';
import type { PopularityRanks, RankChanges } from '#schemas';
import {
  applyChanges,
  encodeRanks,
  hoursOfChanges,
  noteChanges,
  type PublishedRanks,
  publishedRanks,
} from './rank-changes.ts';

const RANKS = 'ranks';

/**
 * Publishes how the popularity of all items is distributed: for each full hour of event time in whose last hour a score
 * has changed, and when every partition's watermark has passed it, so the histogram for T counts the events before T, all
 * of them and no other. `broadcastKeys` are keys of all partitions of the topic that readers of their own partition
 * follow: each gets every record.
 */
export function popularityRanks(
  broadcastKeys: readonly string[],
  values: { readonly changes: Serde<RankChanges>; readonly ranks: Serde<PopularityRanks> },
) {
  return defineProcessor({
    inputs: { changes: port<string, RankChanges>() },
    outputs: { published: port<string, PopularityRanks>(), broadcast: port<string, PopularityRanks>() },
    stores: {
      /** What is to come, by the hour's end. */
      hours: { value: hoursOfChanges(values.changes) },
      ranks: { value: publishedRanks(values.ranks) },
    },
    reads: {
      changes: ({ value: { ts } }) => ({ hours: [String(ts)], timers: [String(ts)] }),
    },
    process: {
      changes: ({ value: changes }, { stores, setTimer }) => {
        const { ts } = changes;
        const hour = stores.hours.get(String(ts)) ?? { ts, buckets: new Map() };
        // A task says what has changed before ts when its watermark is beyond it: see item-views.
        setTimer(String(ts), ts + 1);
        noteChanges(hour, changes);
        stores.hours.put(String(ts), hour, ts);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      const hour = stores.hours.get(key);
      const ranks = stores.ranks.get(RANKS);
      if (hour === undefined) return;
      const histogram = ranks?.histogram ?? RankHistogram.empty();
      applyChanges(histogram, hour);
      const newest: PublishedRanks = { ts: hour.ts, histogram };
      stores.ranks.put(RANKS, newest, dueMs);
      stores.hours.delete(key, dueMs);
      const record = encodeRanks(newest);
      emit('published', RANKS, record, hour.ts);
      for (const partition of broadcastKeys) emit('broadcast', partition, record, hour.ts);
    },
  });
}
