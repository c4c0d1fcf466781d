import { defineProcessor, port, type Serde } from '#engine';
import { type AnyView, featureViews, type ItemState, itemFeaturesView, popularityBucket } from '#features';
import type { ExampleRequest, Interaction, RankChanges, UnlabelledExample } from '#schemas';
import { encodeItem } from './example-parts.ts';
import { otherViews } from './other-views.ts';
import type { OutcomeOptions } from './outcomes.ts';
import { endOfHour, type HourOfChanges, hoursOfChanges, noteMove, toRankChanges } from './rank-changes.ts';
import { foldableAt, type ViewTopic, viewRows } from './view-rows.ts';

/**
 * The key under which changes are emitted, and with which those of an hour, and of the timer at its end, begin. No item
 * has one, since ids hold no control characters.
 */
const HOUR = '\u0000hour';

/**
 * Keeps the views of items, and completes examples with the item's rows as of the event's time. Requests reach it when
 * the events' watermark has passed them, and rows are folded no further than the requests' own watermark: so the row as of
 * a request's time can always be told.
 *
 * A row is folded when the watermark passes its first pending event, and what that changes in the ranks of this partition's
 * items is noted by the hour of the events. Timers fire in the order of time, so when the one at an hour's end does, all of
 * the hour's events have been folded: its changes are exact.
 */
export function itemViews(
  topicOf: (view: AnyView) => ViewTopic,
  { outcomeWindowMs }: Pick<OutcomeOptions, 'outcomeWindowMs'>,
  changes: Serde<RankChanges>,
) {
  const { view, rows, store } = viewRows(itemFeaturesView, topicOf(itemFeaturesView));
  const others = otherViews(
    featureViews.filter((each) => each.entity === 'item' && each !== itemFeaturesView),
    topicOf,
  );
  let latest = { ts: Number.NaN, key: '' };
  /** Events come hour by hour. */
  const hourKey = (ts: number): string => {
    if (latest.ts !== ts) latest = { ts, key: HOUR + String(ts) };
    return latest.key;
  };
  const readItem = (state: ItemState, t: number) => {
    return { item: view.finish(state, t), score_bucket: popularityBucket(state) };
  };
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), requests: port<string, ExampleRequest>() },
    outputs: { examples: port<string, UnlabelledExample>(), changes: port<string, RankChanges>() },
    stores: { 'item-features': store, ...others.stores, 'rank-changes': { value: hoursOfChanges(changes) } },
    reads: {
      events: ({ key, value }) => {
        const hour = hourKey(endOfHour(value.ts));
        const reads = { 'item-features': [key], 'rank-changes': [hour], timers: [key, hour] };
        return { ...others.readsOf(value), ...reads };
      },
      requests: ({ key }) => ({ ...others.readsUnder(key), 'item-features': [key], timers: [] }),
    },
    process: {
      events: ({ key, value: event }, { stores, setTimer }) => {
        const before = stores['item-features'].get(key) ?? rows.empty();
        const places = others.placesOf(stores, event);
        const row = rows.insert(before, event);
        stores['item-features'].put(key, row, event.ts);
        others.insert(stores, places, event);
        if (row.pending[0] === event) setTimer(key, event.ts + 1);
      },
      requests: ({ key: item_id, value: request }, { stores, emit }) => {
        const { user_id, ts } = request;
        const row = stores['item-features'].get(item_id) ?? rows.empty();
        const { item, score_bucket } = rows.readAsOf(row, ts, readItem);
        const unlabelled: UnlabelledExample = {
          head: request.head,
          item: encodeItem({ ...others.rowsAsOf(stores, item_id, ts), item }),
          item_id,
          ts,
          own_ts: request.own_ts,
          request_id: request.request_id,
          duration_ms: request.duration_ms,
          score_bucket,
        };
        emit('examples', user_id, unlabelled, ts + outcomeWindowMs);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer, watermark }) => {
      const changes = stores['rank-changes'];
      if (key.startsWith(HOUR)) {
        const hour = changes.get(key);
        if (hour === undefined) return;
        if (hour.buckets.size > 0) emit('changes', HOUR, toRankChanges(hour), hour.ts);
        return changes.delete(key, dueMs);
      }
      const row = stores['item-features'].get(key) ?? rows.empty();
      const ends = endsOfHours(row.pending, watermark);
      // Before the row is changed: what has to be loaded restarts the handler.
      const places = others.placesUnder(stores, key);
      const hours = ends.map((ts): HourOfChanges => {
        setTimer(hourKey(ts), ts + 1);
        return changes.get(hourKey(ts)) ?? { ts, buckets: new Map() };
      });
      let before = popularityBucket(row.folded);
      for (const hour of hours) {
        const after = popularityBucket(rows.fold(row, Math.min(watermark, hour.ts)).folded);
        if (before === after) continue;
        noteMove(hour, before, after);
        changes.put(hourKey(hour.ts), hour, dueMs);
        before = after;
      }
      stores['item-features'].put(key, row, dueMs);
      others.foldUpTo(stores, places, watermark, dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}

/** Ends of the hours with pending events before the watermark. */
function endsOfHours(pending: readonly Interaction[], watermark: number): number[] {
  const ends: number[] = [];
  for (const { ts } of pending) {
    if (ts >= watermark) break;
    const end = endOfHour(ts);
    if (ends.at(-1) !== end) ends.push(end);
  }
  return ends;
}
