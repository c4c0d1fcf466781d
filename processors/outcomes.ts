import { adaptSerde, defineProcessor, port, type Serde } from '#engine';
import { crossKey } from '#features';
import type {
  Answer,
  ExampleCorrection,
  ExampleEnding,
  Outcome,
  PopularityRanks,
  RanksInForce,
  RecentOutcomes,
  ServedItems,
  UnlabelledExample,
} from '#schemas';
import type { LabelledExample } from './example-parts.ts';
import { equalLabels, labelsOf, type OutcomeWindow } from './labels.ts';
import { outcomeStretches } from './outcome-stretches.ts';
import { decodeRanks, type PublishedRanks } from './rank-changes.ts';

export type OutcomeOptions = {
  /** How long after its event an example waits for what comes of it. */
  readonly outcomeWindowMs: number;
  /** How late an event may be admitted. */
  readonly dedupHorizonMs: number;
  /** An example has no rank where the ranks that were last published before it are older. */
  readonly rankTtlMs: number;
};

export type OutcomeValues = {
  readonly recent: Serde<RecentOutcomes>;
  readonly served: Serde<ServedItems>;
  readonly ranks: Serde<RanksInForce>;
};

const RANKS = 'ranks';
const WINDOWS_A_STRETCH = 2;
/**
 * Labels examples. An example is read when the watermark is its window past its event, so everything admitted within the
 * window is at hand; then it gets its labels, its place in the answer that showed the item, and the item's rank as last
 * published. What is admitted later counts if its own time lies within the window: a correction states the labels again.
 * Whether an outcome is in time follows from its `ts` alone, so examples and corrections are the same in any interleaving.
 */
export function outcomes(
  { outcomeWindowMs, dedupHorizonMs, rankTtlMs }: OutcomeOptions,
  values: OutcomeValues,
) {
  const ttlMs = outcomeWindowMs + dedupHorizonMs;
  const windowFrom = (ms: number) => ({ fromMs: ms, toMs: ms + outcomeWindowMs });
  const labelsFrom = (ownMs: number, durationMs: number | null, among: Iterable<Outcome>) =>
    labelsOf(among, windowFrom(ownMs), durationMs);
  const stretches = outcomeStretches(WINDOWS_A_STRETCH * outcomeWindowMs);
  const isLate = ({ ts, own_ts }: Outcome): boolean => own_ts !== ts;
  /** Where the events lie whose labels may change by a late outcome, and all that their labels are made of. */
  const around = ({ own_ts }: Outcome): OutcomeWindow => {
    return { fromMs: own_ts - outcomeWindowMs, toMs: own_ts + outcomeWindowMs };
  };
  return defineProcessor({
    inputs: {
      outcomes: port<string, Outcome>(),
      answers: port<string, Answer | null>(),
      ranks: port<string, PopularityRanks>(),
      examples: port<string, UnlabelledExample>(),
    },
    outputs: { examples: port<string, LabelledExample>(), corrections: port<string, ExampleCorrection>() },
    stores: {
      /** By user and stretch of the events' own time. */
      recent: { value: values.recent, ttlMs },
      /** By user and request. */
      served: { value: values.served, ttlMs },
      ranks: { value: ranksInForce(values.ranks) },
    },
    reads: {
      ranks: () => ({ ranks: [RANKS], timers: [RANKS] }),
      answers: ({ key, value }) => ({
        served: value === null ? [] : [crossKey(key, value.request_id)],
        timers: [],
      }),
      outcomes: ({ key, value }) => ({
        recent: isLate(value) ? stretches.keysOf(key, around(value)) : [stretches.keyOf(key, value.own_ts)],
        timers: [],
      }),
      examples: ({ key, value: { own_ts, request_id } }) => ({
        recent: stretches.keysOf(key, windowFrom(own_ts)),
        served: request_id === null ? [] : [crossKey(key, request_id)],
        ranks: [RANKS],
        timers: [],
      }),
    },
    process: {
      ranks: ({ value, timestamp }, { stores, setTimer }) => {
        const published = [...(stores.ranks.get(RANKS) ?? []), readRanks(value)];
        stores.ranks.put(RANKS, published, timestamp);
        const next = published[1];
        if (next !== undefined) setTimer(RANKS, next.ts);
      },
      answers: ({ key, value, timestamp }, { stores, drop }) => {
        if (value === null) return drop('null-value');
        const items = value.items.map(({ item_id }) => item_id);
        const propensities = value.items.map(({ propensity }) => propensity);
        stores.served.put(crossKey(key, value.request_id), { items, propensities }, timestamp);
      },
      outcomes: ({ key, value }, { stores, emit, drop }) => {
        const outcome = value.request_id === null ? value : { ...value, request_id: null };
        const { item_id } = outcome;
        if (!isLate(outcome)) {
          if (!stretches.add(stores.recent, key, outcome)) drop('too-many');
          return;
        }
        const before = stretches.ofItem(stores.recent, key, item_id, around(outcome));
        const after = [...before, outcome];
        if (!stretches.add(stores.recent, key, outcome)) return drop('too-many');
        for (const { event_id, ts, own_ts, duration_ms } of before) {
          const closed = outcome.ts > ts + outcomeWindowMs;
          if (!closed || outcome.own_ts < own_ts || outcome.own_ts > own_ts + outcomeWindowMs) continue;
          const labels = labelsFrom(own_ts, duration_ms, after);
          if (equalLabels(labels, labelsFrom(own_ts, duration_ms, before))) continue;
          const correction = { event_id, user_id: key, item_id, ts, labels };
          emit('corrections', key, correction, outcome.ts);
        }
      },
      examples: ({ key, value: waiting }, { stores, emit }) => {
        const { head, item, item_id, request_id, ts, own_ts, duration_ms, score_bucket } = waiting;
        const inTime = stretches
          .ofItem(stores.recent, key, item_id, windowFrom(own_ts))
          .filter((outcome) => outcome.ts <= ts + outcomeWindowMs);
        const served = request_id === null ? undefined : stores.served.get(crossKey(key, request_id));
        const position = served?.items.indexOf(item_id) ?? -1;
        const ending: ExampleEnding = {
          popularity_rank: rankAt(stores.ranks.get(RANKS) ?? [], ts, rankTtlMs, score_bucket),
          position: position < 0 ? null : position,
          propensity: served?.propensities[position] ?? null,
          labels: labelsFrom(own_ts, duration_ms, inTime),
        };
        emit('examples', key, { head, item, ending }, ts);
      },
    },
    /** Ranks that have been followed by others before the watermark serve no example to come. */
    onTimer: (key, dueMs, { stores, setTimer, watermark }) => {
      const published = stores.ranks.get(key) ?? [];
      const first = published.findLastIndex(({ ts }) => ts <= watermark);
      const inForce = published.slice(Math.max(0, first));
      stores.ranks.put(key, inForce, dueMs);
      const next = inForce[1];
      if (next !== undefined) setTimer(key, next.ts);
    },
  });
}

/** By the ranks that were published last for a time at or before `ts`; null before the first, and when they are too old. */
function rankAt(
  published: readonly ReadRanks[],
  ts: number,
  ttlMs: number,
  bucket: number | null,
): number | null {
  let upTo = 0;
  for (let end = published.length; upTo < end; ) {
    const middle = (upTo + end) >>> 1;
    if ((published[middle] as ReadRanks).ts <= ts) upTo = middle + 1;
    else end = middle;
  }
  const ranks = published[upTo - 1];
  if (ranks === undefined || ts - ranks.ts > ttlMs) return null;
  return bucket === null ? 0 : ranks.histogram.percentile(bucket);
}

/** With the record: those in force are rewritten with every change, and there may be hundreds. */
type ReadRanks = PublishedRanks & { readonly record: PopularityRanks };

function readRanks(record: PopularityRanks): ReadRanks {
  return { ...decodeRanks(record), record };
}

function ranksInForce(value: Serde<RanksInForce>): Serde<readonly ReadRanks[]> {
  return adaptSerde(
    value,
    ({ published }) => published.map(readRanks),
    (published) => ({ published: published.map(({ record }) => record) }),
  );
}
