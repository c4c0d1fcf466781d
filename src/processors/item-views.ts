import { defineProcessor, port, type Serde } from '#engine';
import { itemFeaturesView, popularityBucket } from '#features';
import type { ExampleRequest, Interaction, RankChanges, UnlabelledExample } from '#schemas';
import { encodeItem } from './example-parts.ts';
import type { OutcomeOptions } from './outcomes.ts';
import { endOfHour, type HourOfChanges, hoursOfChanges, noteMove, toRankChanges } from './rank-changes.ts';
import { foldableAt, type ViewTopic, viewRows } from './view-rows.ts';

/**
 * The key of the changes of the hour at hand and of the timer at its end. No item has it, since ids hold no control
 * characters, and among timers that are due together it comes first.
 */
const HOUR = '\u0000hour';

/**
 * Keeps the view item-features, and completes examples with the item's row as of the event's time. Requests reach it when
 * the events' watermark has passed them, and rows are folded no further than the requests' own watermark: so the row as of
 * a request's time can always be told.
 *
 * Rows are folded an hour of event time at a time, in the order of timers. So when the timer at an hour's end fires, the
 * hour's events have been folded and none behind it: what has changed in the ranks of this partition's items is exact.
 */
export function itemViews(
  topic: ViewTopic,
  { outcomeWindowMs }: Pick<OutcomeOptions, 'outcomeWindowMs'>,
  changes: Serde<RankChanges>,
) {
  const { view, rows, store } = viewRows(itemFeaturesView, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), requests: port<string, ExampleRequest>() },
    outputs: { examples: port<string, UnlabelledExample>(), changes: port<string, RankChanges>() },
    stores: { 'item-features': store, 'rank-changes': { value: hoursOfChanges(changes) } },
    reads: {
      events: ({ key }) => ({ 'item-features': [key], timers: [key] }),
      requests: ({ key }) => ({ 'item-features': [key], timers: [] }),
    },
    process: {
      events: ({ key, value: event }, { stores, setTimer }) => {
        const row = rows.insert(stores['item-features'].get(key) ?? rows.empty(), event);
        stores['item-features'].put(key, row, event.ts);
        if (row.pending[0] === event) setTimer(key, event.ts + 1);
      },
      requests: ({ key: item_id, value: request }, { stores, emit }) => {
        const { user_id, ts } = request;
        const state = rows.stateAsOf(stores['item-features'].get(item_id) ?? rows.empty(), ts);
        const unlabelled: UnlabelledExample = {
          head: request.head,
          item: encodeItem(view.finish(state, ts)),
          item_id,
          ts,
          own_ts: request.own_ts,
          request_id: request.request_id,
          duration_ms: request.duration_ms,
          score_bucket: popularityBucket(state),
        };
        emit('examples', user_id, unlabelled, ts + outcomeWindowMs);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer, watermark }) => {
      if (key === HOUR) {
        const hour = stores['rank-changes'].get(HOUR);
        if (hour === undefined) return;
        if (hour.buckets.size > 0) emit('changes', HOUR, toRankChanges(hour), hour.ts);
        return stores['rank-changes'].delete(HOUR, dueMs);
      }
      const row = stores['item-features'].get(key) ?? rows.empty();
      const [first] = row.pending;
      if (first === undefined) return;
      const ts = endOfHour(first.ts);
      // Read before the row is changed: what has to be loaded begins the handler anew.
      const hour: HourOfChanges = stores['rank-changes'].get(HOUR) ?? { ts, buckets: new Map() };
      setTimer(HOUR, ts + 1);
      const before = popularityBucket(row.folded);
      rows.fold(row, Math.min(watermark, ts));
      const after = popularityBucket(row.folded);
      if (before !== after) {
        noteMove(hour, before, after);
        stores['rank-changes'].put(HOUR, hour, dueMs);
      }
      stores['item-features'].put(key, row, dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}
