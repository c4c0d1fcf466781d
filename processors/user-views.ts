import { defineProcessor, port, type Serde } from '#engine';
import { type AnyView, contextFeatures, featureViews, isOfUser, userFeaturesView } from '#features';
import type { Interaction, UserPrivacy } from '#schemas';
import type { StartedExample } from './example-parts.ts';
import { startsExample } from './labels.ts';
import { otherViews } from './other-views.ts';
import { foldableAt, type ViewTopic, viewRows } from './view-rows.ts';

/**
 * Keeps the views of users, and of users and something else, and starts examples: when the watermark has passed an
 * impression or a positive event, everything that happened before it is known, and the rows as of its time go out with it.
 * The view of the user itself takes every event, so what is pending in its row is what is pending in any of the user's rows,
 * and one timer folds them all. A user who opts out or is erased loses all rows at once, and counts no more until opted in
 * again.
 */
export function userViews(topicOf: (view: AnyView) => ViewTopic, privacy: Serde<UserPrivacy>) {
  const user = viewRows(userFeaturesView, topicOf(userFeaturesView));
  const others = otherViews(
    featureViews.filter((view) => isOfUser(view) && view !== userFeaturesView),
    topicOf,
  );
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), decisions: port<string, UserPrivacy>() },
    outputs: { started: port<string, StartedExample>() },
    stores: {
      'user-features': user.store,
      ...others.stores,
      /** Users who are not opted in. */
      withdrawn: { value: privacy },
    },
    reads: {
      events: ({ key, value }) => {
        return { ...others.readsOf(value), 'user-features': [key], withdrawn: [key], timers: [key] };
      },
      decisions: ({ key }) => {
        return { ...others.readsUnder(key), 'user-features': [key], withdrawn: [key], timers: [key] };
      },
    },
    process: {
      events: ({ key, value: event }, { stores, setTimer, drop }) => {
        if (stores.withdrawn.get(key) !== undefined) return drop('withdrawn');
        const userRow = stores['user-features'].get(key) ?? user.rows.empty();
        const places = others.placesOf(stores, event);
        user.insert(stores['user-features'], { key, row: userRow }, event);
        others.insert(stores, places, event);
        if (userRow.pending[0] === event) setTimer(key, event.ts + 1);
      },
      decisions: ({ key, value: decision, timestamp }, { stores, clearTimer }) => {
        if (decision.status === 'opted_in') return stores.withdrawn.delete(key, timestamp);
        stores.withdrawn.put(key, decision, timestamp);
        stores['user-features'].delete(key, timestamp);
        others.delete(stores, key, timestamp);
        clearTimer(key);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer, watermark }) => {
      const row = stores['user-features'].get(key) ?? user.rows.empty();
      const due = row.pending.filter(({ ts }) => ts < watermark);
      const places = due.map((event) => others.placesOf(stores, event));
      for (let i = 0; i < due.length; i++) {
        const event = due[i] as Interaction;
        if (!startsExample(event)) continue;
        const features = user.view.finish(user.rows.fold(row, event.ts).folded, event.ts);
        const rows = { ...others.foldedRows(places[i] ?? [], event), user: features };
        const context = contextFeatures(event, features.session_position);
        emit('started', key, { event, rows: rows as StartedExample['rows'], context }, event.ts);
      }
      stores['user-features'].put(key, user.rows.fold(row, watermark), dueMs);
      for (const each of places) others.foldUpTo(stores, each, watermark, dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}
