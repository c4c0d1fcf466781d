import { adaptSerde, type Serde } from '#engine';
import { CanonicalReader, CanonicalWriter, RankHistogram } from '#features';
import type { PopularityRanks, RankChanges } from '#schemas';

/** The step of event time in which ranks are published. */
const RANKS_EVERY_MS = 3_600_000;
/** Ranks that were published longer ago than this are nobody's: all items would stand where they no longer do. */
export const RANK_TTL_MS = 6 * 3_600_000;

/** How many items more each bucket holds at the end of an hour, `ts`, than at its start. */
export type HourOfChanges = { readonly ts: number; readonly buckets: Map<number, number> };

/** What was published: how the popularity of all items is distributed, by the events before `ts`. */
export type PublishedRanks = { readonly ts: number; readonly histogram: RankHistogram };

/** The first full hour after `ts`: whoever publishes for it counts the event at `ts`. */
export function endOfHour(ts: number): number {
  return (Math.floor(ts / RANKS_EVERY_MS) + 1) * RANKS_EVERY_MS;
}

/** Moves an item from one bucket to another; null stands for none. */
export function noteMove({ buckets }: HourOfChanges, from: number | null, to: number | null): void {
  if (from !== null) addTo(buckets, from, -1);
  if (to !== null) addTo(buckets, to, 1);
}

/** Adds to an hour what another partition's items have done in it. */
export function noteChanges({ buckets }: HourOfChanges, changes: RankChanges): void {
  for (const { bucket, items } of changes.buckets) addTo(buckets, bucket, items);
}

/** What is added comes first: no bucket ever holds less than none. */
export function applyChanges(histogram: RankHistogram, { buckets }: HourOfChanges): void {
  for (const [bucket, items] of buckets) if (items > 0) histogram.add(bucket, items);
  // equivalent mutant (boundary): of a bucket that did not change, none are removed
  for (const [bucket, items] of buckets) if (items < 0) histogram.remove(bucket, -items);
}

export function toRankChanges({ ts, buckets }: HourOfChanges): RankChanges {
  const changes = Array.from(buckets, ([bucket, items]) => ({ bucket, items }));
  return { ts, buckets: changes.sort((a, b) => a.bucket - b.bucket) };
}

export function hoursOfChanges(value: Serde<RankChanges>): Serde<HourOfChanges> {
  const fromChanges = ({ ts, buckets }: RankChanges) => {
    return { ts, buckets: new Map(buckets.map(({ bucket, items }) => [bucket, items])) };
  };
  return adaptSerde(value, fromChanges, toRankChanges);
}

export function decodeRanks({ ts, histogram }: PopularityRanks): PublishedRanks {
  const reader = new CanonicalReader(histogram);
  const decoded = RankHistogram.decode(reader);
  reader.end();
  return { ts, histogram: decoded };
}

export function encodeRanks({ ts, histogram }: PublishedRanks): PopularityRanks {
  const writer = new CanonicalWriter();
  histogram.encode(writer);
  return { ts, histogram: writer.take() };
}

export function publishedRanks(value: Serde<PopularityRanks>): Serde<PublishedRanks> {
  return adaptSerde(value, decodeRanks, encodeRanks);
}

function addTo(buckets: Map<number, number>, bucket: number, items: number): void {
  const total = (buckets.get(bucket) ?? 0) + items;
  if (total === 0) buckets.delete(bucket);
  else buckets.set(bucket, total);
}
