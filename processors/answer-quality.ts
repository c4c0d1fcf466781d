import { defineProcessor, port, type Serde } from '#engine';
import { crossKey, interactionWeight } from '#features';
import { partitionFor } from '#log';
import type {
  Answer,
  AnswerContents,
  AnsweredItem,
  AnswerOutcomes,
  InteractionKind,
  OpenAnswer,
  Outcome,
} from '#schemas';
import { emptySketch, withItems } from './item-sketch.ts';
import { countValue, noValues, valueBucket } from './value-counts.ts';

/** Answers are counted by the hour in which they were given. */
export const QUALITY_HOUR_MS = 3_600_000;
const KEPT_MS = 7 * 24 * QUALITY_HOUR_MS;
/** Places that are counted by themselves; those after them are one. */
const PLACES = 20;
/** Events of one request that are kept for an answer to come. */
const MOST_EARLY = 200;
const MILLION = 1e6;

/** What has come of an item, as bits. */
const SHOWN = 1;
const CLICKED = 2;
const POSITIVE = 4;

/** A compacted topic of rows that are also the state. */
export type QualityTopic<V> = { readonly name: string; readonly value: Serde<V> };

export type QualityTopics = {
  readonly outcomes: QualityTopic<AnswerOutcomes>;
  readonly contents: QualityTopic<AnswerContents>;
};

type Facts = NonNullable<OpenAnswer['answer']>;
type OpenItem = Facts['items'][number];

/**
 * Counts what came of answers: which of their items were shown, clicked and more, by the answer's hour, version, ranker,
 * variant, and by place, source and predicted chance. An event counts if it carries the answer's request id and its
 * admitted time is less than the window after the answer; whichever of the two is read first, the counts are the same.
 * Each item counts once. A row is of the users of one partition, so that nothing passes between tasks; readers add them up.
 *
 * An event is kept for the window where its answer has not been read: one that is logged later than that finds nothing.
 */
export function answerQuality(
  { windowMs, partitions }: { readonly windowMs: number; readonly partitions: number },
  { outcomes, contents }: QualityTopics,
  open: Serde<OpenAnswer>,
) {
  const rowOf = (user: string, { ts, version, ranker, variant }: Answered): Row => {
    const row = { hour: hourOf(ts), partition: partitionFor(user, partitions), version, ranker, variant };
    return { row, rowKey: JSON.stringify(Object.values(row)) };
  };
  return defineProcessor({
    inputs: { answers: port<string, Answer | null>(), reactions: port<string, Outcome>() },
    outputs: {},
    stores: {
      /** By user and request, until the window has passed. */
      open: { value: open, ttlMs: windowMs },
      outcomes: { value: outcomes.value, changelog: { name: outcomes.name }, ttlMs: KEPT_MS },
      contents: { value: contents.value, changelog: { name: contents.name }, ttlMs: KEPT_MS },
    },
    reads: {
      answers: ({ key, value }) => {
        if (value === null) return { timers: [] };
        const rows = [rowOf(key, value).rowKey];
        return { open: [crossKey(key, value.request_id)], outcomes: rows, contents: rows, timers: [] };
      },
      // The row that it counts in is told by the answer; it is the same for most, and in the cache.
      reactions: ({ key, value }) => ({ open: [crossKey(key, value.request_id ?? '')], timers: [] }),
    },
    process: {
      answers: ({ key, value: answer }, { stores, drop }) => {
        if (answer === null) return drop('null-value');
        const openKey = crossKey(key, answer.request_id);
        const isKnown = answer.user_id !== '';
        const early = isKnown ? stores.open.get(openKey) : undefined;
        if (early !== undefined && early.answer !== null) return drop('repeated-request');
        const { row, rowKey } = rowOf(key, answer);
        const counted = stores.outcomes.get(rowKey) ?? noOutcomes(row);
        const described = stores.contents.get(rowKey) ?? noContents(row);
        stores.contents.put(rowKey, describe(described, answer), row.hour);
        counted.answers++;
        if (answer.degraded !== null) counted.degraded++;
        if (isKnown) {
          const facts = factsOf(answer);
          for (const [place, { source }] of facts.items.entries()) placeIn(counted, source, place).answered++;
          for (const { item_id, seen, ts } of early?.early ?? [])
            if (ts < answer.ts + windowMs) react(counted, facts, item_id, seen);
          stores.open.put(openKey, { answer: facts, early: [] }, answer.ts);
        } else counted.unknown_users++;
        stores.outcomes.put(rowKey, counted, row.hour);
      },
      reactions: ({ key, value: { request_id, item_id, kind, ts } }, { stores, drop }) => {
        const seen = seenBy(kind);
        if (request_id === null || seen === 0) return drop('says-nothing');
        const openKey = crossKey(key, request_id);
        const waiting = stores.open.get(openKey) ?? { answer: null, early: [] };
        const { answer } = waiting;
        if (answer === null) {
          if (waiting.early.length === MOST_EARLY) return drop('too-many');
          stores.open.put(openKey, { answer, early: [...waiting.early, { item_id, seen, ts }] }, ts);
          return;
        }
        if (ts >= answer.ts + windowMs) return drop('too-late');
        const { row, rowKey } = rowOf(key, answer);
        const counted = stores.outcomes.get(rowKey) ?? noOutcomes(row);
        if (!react(counted, answer, item_id, seen)) return;
        stores.open.put(openKey, waiting, answer.ts);
        stores.outcomes.put(rowKey, counted, row.hour);
      },
    },
  });
}

type Answered = Pick<Answer, 'ts' | 'version' | 'ranker' | 'variant'>;
type Counted = Pick<AnswerOutcomes, 'hour' | 'partition' | 'version' | 'ranker' | 'variant'>;
type Row = { readonly row: Counted; readonly rowKey: string };

function hourOf(ts: number): number {
  return Math.floor(ts / QUALITY_HOUR_MS) * QUALITY_HOUR_MS;
}

function noOutcomes(row: Counted): AnswerOutcomes {
  return { ...row, answers: 0, unknown_users: 0, degraded: 0, sources: [], chances: [] };
}

function noContents(row: Counted): AnswerContents {
  return { ...row, items: emptySketch(), scores: noValues(), inputs: [] };
}

function factsOf({ ts, version, ranker, variant, items }: Answer): Facts {
  const open = items.map((item): OpenItem => {
    const chance = ranker !== null && isScored(item) ? chanceOf(item.score) : null;
    return { item_id: item.item_id, source: item.source, chance, seen: 0 };
  });
  return { ts, version, ranker, variant, items: open };
}

/** A score that is no chance stays outside of 0 to 1, and its sums whole numbers. */
function chanceOf(score: number): number | null {
  return Number.isNaN(score) ? null : Math.min(2, Math.max(-1, score));
}

/** Whether a model gave the item its score: what fills an answer up has one of another kind. */
function isScored({ source, features_hash }: AnsweredItem): boolean {
  return source === 'index' || features_hash !== null;
}

/** The row with what the answer consists of, in place. */
function describe(row: AnswerContents, { items }: Answer): AnswerContents {
  row.items = withItems(
    row.items,
    items.map(({ item_id }) => item_id),
  );
  for (const item of items) {
    if (!isScored(item)) continue;
    countValue(row.scores, item.score);
    for (const [column, value] of (item.features ?? []).entries()) {
      row.inputs[column] ??= noValues();
      // Texts have no distribution; a missing value has a count of its own.
      if (typeof value !== 'string') countValue(row.inputs[column], value ?? Number.NaN);
    }
  }
  return row;
}

function seenBy(kind: InteractionKind): number {
  if (kind === 'impression') return SHOWN;
  if (kind === 'click') return CLICKED;
  return interactionWeight(kind) === 1 ? POSITIVE : 0;
}

/** Counts what has come of an item, unless it has before, in place. False where nothing has changed. */
function react(row: AnswerOutcomes, { items }: Facts, itemId: string, bits: number): boolean {
  const place = items.findIndex(({ item_id }) => item_id === itemId);
  const item = items[place];
  if (item === undefined) return false;
  const before = item.seen;
  const after = before | bits;
  if (after === before) return false;
  item.seen = after;
  const added = after & ~before;
  const counts = placeIn(row, item.source, place);
  if (added & SHOWN) counts.shown++;
  if (added & CLICKED) counts.clicked++;
  if (added & POSITIVE) counts.positive++;
  if (item.chance !== null && after & SHOWN) noteChance(row, item.chance, before, after);
  return true;
}

/** An item that was shown counts by the chance that it was given; what comes of it before that counts with it. */
function noteChance(row: AnswerOutcomes, chance: number, before: number, after: number): void {
  const bucket = valueBucket(chance);
  const isNew = (before & SHOWN) === 0;
  const counts = chanceIn(row, bucket);
  if (isNew) {
    counts.shown++;
    counts.millionths += Math.round(chance * MILLION);
  }
  const wasTaken = !isNew && isTaken(before);
  if (isTaken(after) && !wasTaken) counts.taken++;
}

function isTaken(seen: number): boolean {
  return (seen & (CLICKED | POSITIVE)) !== 0;
}

function chanceIn({ chances }: AnswerOutcomes, bucket: number): AnswerOutcomes['chances'][number] {
  let at = chances.findIndex((each) => each.bucket >= bucket);
  if (at === -1) at = chances.length;
  const found = chances[at];
  if (found?.bucket === bucket) return found;
  const added = { bucket, shown: 0, millionths: 0, taken: 0 };
  chances.splice(at, 0, added);
  return added;
}

type Source = AnswerOutcomes['sources'][number];

function placeIn(row: AnswerOutcomes, source: Source['source'], place: number): Source['positions'][number] {
  let found = row.sources.find((each) => each.source === source);
  if (found === undefined) {
    found = { source, positions: [] };
    row.sources.push(found);
    row.sources.sort((a, b) => (a.source < b.source ? -1 : 1));
  }
  const { positions } = found;
  const at = Math.min(place, PLACES);
  while (positions.length <= at) positions.push({ answered: 0, shown: 0, clicked: 0, positive: 0 });
  return positions[at] as Source['positions'][number];
}
