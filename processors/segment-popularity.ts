import { adaptSerde, defineProcessor, port, type Serde } from '#engine';
import { cohortSegment, countrySegment, crossKey } from '#features';
import type { Interaction, SegmentPopularity, SegmentVisit, SegmentWeight, User } from '#schemas';

const DAY_MS = 86_400_000;
const HALF_LIFE_DAYS = 28;
/** What a day within a half-life weighs beside its first, in 1024ths. */
const DAY_WEIGHTS = Array.from({ length: HALF_LIFE_DAYS }, (_, day) =>
  BigInt(Math.floor(1024 * 2 ** (day / HALF_LIFE_DAYS))),
);
/** Items of a segment that are published. */
const MOST_ITEMS = 200;

/**
 * Keeps what users of each segment took to most. An event's weight doubles with every 28 days that it is later, so no sum has to
 * be aged: who is ahead stays ahead, and an item's sum only grows. Sums are exact integers, so neither their order nor
 * their split into batches matters; and as they only grow, the best of a segment are known from one list and the item that
 * has just grown.
 */
export function segmentPopularity(values: {
  readonly weight: Serde<SegmentWeight>;
  readonly top: { readonly name: string; readonly value: Serde<SegmentPopularity> };
}) {
  return defineProcessor({
    inputs: { visits: port<string, SegmentVisit>() },
    outputs: {},
    stores: {
      /** By segment and item. */
      weights: { value: adaptSerde(values.weight, toInteger, fromInteger) },
      /** By segment; its changelog is the topic. */
      top: { value: values.top.value, changelog: { name: values.top.name } },
    },
    reads: {
      visits: ({ key, value }) => ({ weights: [crossKey(key, value.item_id)], top: [key] }),
    },
    process: {
      visits: ({ key: segment, value: { item_id }, timestamp }, { stores }) => {
        const own = crossKey(segment, item_id);
        const weight = (stores.weights.get(own) ?? 0n) + weightAt(timestamp);
        stores.weights.put(own, weight, timestamp);
        const items = stores.top.get(segment)?.items ?? [];
        const grown = { item_id, score: log2(weight) };
        const after = withItem(items, grown);
        if (after !== items) stores.top.put(segment, { items: after }, timestamp);
      },
    },
  });
}

/** An event of interest with the segments that its user is in. */
export type InSegments = { readonly item_id: string | null; readonly segments: readonly string[] };

export function inSegments({ item_id, context }: Interaction, user: User | null): InSegments {
  const all = [countrySegment(context.country ?? user?.country), cohortSegment(user)];
  return { item_id, segments: all.filter((segment) => segment !== undefined) };
}

export function segmentVisits({ item_id, segments }: InSegments): SegmentVisit[] {
  return item_id === null ? [] : segments.map((segment) => ({ segment, item_id }));
}

type Item = SegmentPopularity['items'][number];

/** The list with an item that has grown, or the list itself where that is not among the best. */
function withItem(items: Item[], grown: Item): Item[] {
  const others = items.filter(({ item_id }) => item_id !== grown.item_id);
  const at = others.findIndex((each) => isBefore(grown, each));
  const place = at < 0 ? others.length : at;
  return place >= MOST_ITEMS ? items : others.toSpliced(place, 0, grown).slice(0, MOST_ITEMS);
}

function isBefore(a: Item, b: Item): boolean {
  return a.score > b.score || (a.score === b.score && a.item_id < b.item_id);
}

/** `ts` is no earlier than 1970. */
function weightAt(ts: number): bigint {
  const day = Math.floor(Math.max(0, ts) / DAY_MS);
  const weight = DAY_WEIGHTS[day % HALF_LIFE_DAYS] as bigint;
  return weight << BigInt(Math.floor(day / HALF_LIFE_DAYS));
}

/** Computed from the highest 53 bits, so that a greater integer never has a lower logarithm. */
function log2(value: bigint): number {
  const bits = value.toString(2).length;
  const dropped = Math.max(0, bits - 53);
  return Math.log2(Number(value >> BigInt(dropped))) + dropped;
}

function toInteger({ weight }: SegmentWeight): bigint {
  const hex = Buffer.from(weight).toString('hex');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}

function fromInteger(value: bigint): SegmentWeight {
  const hex = value.toString(16);
  return { weight: Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex') };
}
