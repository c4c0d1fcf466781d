import { type ItemInteraction, isPositive } from '#features';
import type { Interaction, Labels, Outcome } from '#schemas';

/** Whether an event becomes a training row: the item was shown, or the user took interest in it. */
export function startsExample(event: Interaction): event is ItemInteraction {
  return isPositive(event) || (event.kind === 'impression' && event.item_id !== null);
}

/** What labels need of an event. */
export function outcomeOf(event: ItemInteraction): Outcome {
  const { event_id, item_id, kind, ts, original_ts, value, watch_ms, item, request_id } = event;
  const duration_ms = item?.duration_ms ?? null;
  return { event_id, item_id, kind, ts, own_ts: original_ts ?? ts, value, watch_ms, duration_ms, request_id };
}

/** The stretch of time, by the events' own clocks, whose outcomes count: both ends do. */
export type OutcomeWindow = { readonly fromMs: number; readonly toMs: number };

/** What the user did with the item within the window. `durationMs` is the item's. */
export function labelsOf(
  outcomes: Iterable<Outcome>,
  { fromMs, toMs }: OutcomeWindow,
  durationMs: number | null,
): Labels {
  const labels: Labels = {
    click: false,
    complete: false,
    like: false,
    watch_fraction: null,
    rating: null,
    purchase_value: null,
  };
  let ratedMs = Number.NEGATIVE_INFINITY;
  let watchMs: number | null = null;
  for (const { kind, own_ts, value, watch_ms } of outcomes) {
    if (own_ts < fromMs || own_ts > toMs) continue;
    if (kind === 'click' || kind === 'complete' || kind === 'like') labels[kind] = true;
    // The last one holds; of two at once, the one that was admitted last.
    if (kind === 'rating' && own_ts >= ratedMs) {
      labels.rating = value;
      ratedMs = own_ts;
    }
    if (kind === 'purchase') labels.purchase_value = (labels.purchase_value ?? 0) + (value ?? 0);
    if (watch_ms !== null) watchMs = Math.max(watchMs ?? 0, watch_ms);
  }
  if (watchMs !== null && durationMs !== null && durationMs > 0) {
    labels.watch_fraction = Math.min(1, watchMs / durationMs);
  }
  return labels;
}

export function equalLabels(a: Labels, b: Labels): boolean {
  return (Object.keys(a) as (keyof Labels)[]).every((label) => a[label] === b[label]);
}
