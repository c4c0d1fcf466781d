import { defineProcessor, port, type Serde } from '#engine';
import {
  contextFeatures,
  crossKeysOf,
  userCategoryFeaturesView,
  userFeaturesView,
  userItemFeaturesView,
} from '#features';
import type { Interaction, UserPrivacy } from '#schemas';
import type { StartedExample } from './example-parts.ts';
import { startsExample } from './labels.ts';
import { foldableAt, type ViewTopic, viewRows } from './view-rows.ts';

export type UserViewTopics = {
  readonly user: ViewTopic;
  readonly userCategory: ViewTopic;
  readonly userItem: ViewTopic;
};

/**
 * Keeps the three views of users, and starts examples: when the watermark has passed an impression or a positive event,
 * everything that happened before it is known, and the rows as of its time go out with it. The view of the user itself
 * takes every event, so what is pending in its row is what is pending in any of the user's rows, and one timer folds
 * them all. A user who opts out or is erased loses all rows at once, and counts no more until opted in again.
 */
export function userViews(topics: UserViewTopics, privacy: Serde<UserPrivacy>) {
  const user = viewRows(userFeaturesView, topics.user);
  const category = viewRows(userCategoryFeaturesView, topics.userCategory);
  const pair = viewRows(userItemFeaturesView, topics.userItem);
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), decisions: port<string, UserPrivacy>() },
    outputs: { started: port<string, StartedExample>() },
    stores: {
      'user-features': user.store,
      'user-category-features': category.store,
      'user-item-features': pair.store,
      /** Users who are not opted in. */
      withdrawn: { value: privacy },
    },
    reads: {
      events: ({ key, value }) => ({
        'user-features': [key],
        'user-category-features': only(category.keyOf(value)),
        'user-item-features': only(pair.keyOf(value)),
        withdrawn: [key],
        timers: [key],
      }),
      decisions: ({ key }) => ({
        'user-features': [key],
        'user-category-features': [{ prefix: crossKeysOf(key) }],
        'user-item-features': [{ prefix: crossKeysOf(key) }],
        withdrawn: [key],
        timers: [key],
      }),
    },
    process: {
      events: ({ key, value: event }, { stores, setTimer, drop }) => {
        if (stores.withdrawn.get(key) !== undefined) return drop('withdrawn');
        const inCategory = category.keyOf(event);
        const inPair = pair.keyOf(event);
        const userRow = stores['user-features'].get(key) ?? user.rows.empty();
        const categoryRow = category.rowAt(stores['user-category-features'], inCategory);
        const pairRow = pair.rowAt(stores['user-item-features'], inPair);
        user.insert(stores['user-features'], key, userRow, event);
        category.insert(stores['user-category-features'], inCategory, categoryRow, event);
        pair.insert(stores['user-item-features'], inPair, pairRow, event);
        if (userRow.pending[0] === event) setTimer(key, event.ts + 1);
      },
      decisions: ({ key, value: decision, timestamp }, { stores, clearTimer }) => {
        if (decision.status === 'opted_in') return stores.withdrawn.delete(key, timestamp);
        stores.withdrawn.put(key, decision, timestamp);
        stores['user-features'].delete(key, timestamp);
        for (const store of [stores['user-category-features'], stores['user-item-features']]) {
          for (const [crossed] of store.prefix(crossKeysOf(key))) store.delete(crossed, timestamp);
        }
        clearTimer(key);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer, watermark }) => {
      const row = stores['user-features'].get(key) ?? user.rows.empty();
      const due = row.pending.filter(({ ts }) => ts < watermark);
      // All rows are at hand before the first of them is changed: a read that has to be loaded restarts the handler .
      const categories = due.map((event) => category.placeOf(stores['user-category-features'], event));
      const pairs = due.map((event) => pair.placeOf(stores['user-item-features'], event));
      for (let i = 0; i < due.length; i++) {
        const event = due[i] as Interaction;
        if (!startsExample(event)) continue;
        const features = user.view.finish(user.rows.fold(row, event.ts).folded, event.ts);
        const started: StartedExample = {
          event,
          user: features,
          category: category.foldedRow(categories[i], event),
          pair: pair.foldedRow(pairs[i], event),
          context: contextFeatures(event, features.session_position),
        };
        emit('started', key, started, event.ts);
      }
      stores['user-features'].put(key, user.rows.fold(row, watermark), dueMs);
      for (let i = 0; i < due.length; i++) {
        category.foldUpTo(stores['user-category-features'], categories[i], watermark, dueMs);
        pair.foldUpTo(stores['user-item-features'], pairs[i], watermark, dueMs);
      }
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}

function only(key: string | undefined): readonly string[] {
  return key === undefined ? [] : [key];
}
