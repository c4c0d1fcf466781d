/** Views that are kept by themselves, each from all accepted events: those that modules declare. */
import { defineProcessor, type KeyValueStore, port, type Serde } from '#engine';
import { type AnyView, type AsOfRow, crossKeysOf, isKeyOfUser } from '#features';
import { InputError } from '#platform';
import type { Interaction, UserPrivacy } from '#schemas';
import { foldableAt, type ViewTopic, viewRows } from './view-rows.ts';

/** Keeps a view of items, from its events keyed by item. */
export function keepItemView(view: AnyView, topic: ViewTopic) {
  const { store, insert, fold } = kept(view, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>() },
    outputs: {},
    stores: { rows: store },
    process: {
      events: ({ key, value }, { stores, setTimer }) => insert(stores.rows, key, value, setTimer),
    },
    onTimer: (key, dueMs, { stores, setTimer, watermark }) =>
      fold(stores.rows, key, { dueMs, watermark }, setTimer),
  });
}

/**
 * Keeps a view of users, or of users and something else, from its events keyed by user. A user who opts out or is erased
 * loses all rows at once. Decisions come from a compacted topic, so of a user who has opted in again nothing else is told:
 * opting in deletes what came before it, too, and a view that is built later has the rows of one that was there.
 */
export function keepUserView(
  view: AnyView,
  topic: ViewTopic,
  privacy: { readonly name: string; readonly value: Serde<UserPrivacy> },
) {
  const { store, insert, fold } = kept(view, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), decisions: port<string, UserPrivacy | null>() },
    outputs: {},
    stores: { rows: store, privacy: { value: privacy.value, copyOf: privacy.name } },
    reads: {
      events: ({ key, value }) => {
        const rowKey = view.key(value);
        return { rows: [rowKey], privacy: [key], timers: [rowKey] };
      },
      decisions: ({ key }) => ({ rows: [key, { prefix: crossKeysOf(key) }], privacy: [key], timers: [] }),
    },
    process: {
      events: ({ key, value: event }, { stores, setTimer, drop }) => {
        if ((stores.privacy.get(key)?.status ?? 'opted_in') !== 'opted_in') return drop('withdrawn');
        insert(stores.rows, keyOf(view, event), event, setTimer);
      },
      decisions: ({ key, value, timestamp }, { stores }) => {
        if (value === null) stores.privacy.delete(key, timestamp);
        else stores.privacy.put(key, value, timestamp);
        if (stores.rows.get(key) !== undefined) stores.rows.delete(key, timestamp);
        for (const [crossed] of stores.rows.prefix(crossKeysOf(key))) stores.rows.delete(crossed, timestamp);
      },
    },
    onTimer: (key, dueMs, { stores, setTimer, watermark }) =>
      fold(stores.rows, key, { dueMs, watermark }, setTimer),
  });
}

type Rows = KeyValueStore<AsOfRow<unknown>>;
type SetTimer = (key: string, dueMs: number) => void;

function kept(view: AnyView, topic: ViewTopic) {
  const { rows, store } = viewRows(view, topic);
  return {
    store,
    insert: (stored: Rows, key: string, event: Interaction, setTimer: SetTimer): void => {
      const row = rows.insert(stored.get(key) ?? rows.empty(), event);
      stored.put(key, row, event.ts);
      setTimer(key, foldableAt(row) ?? event.ts);
    },
    fold: (
      stored: Rows,
      key: string,
      { dueMs, watermark }: { readonly dueMs: number; readonly watermark: number },
      setTimer: SetTimer,
    ): void => {
      const before = stored.get(key);
      // Deleted since: the user has decided otherwise.
      if (before === undefined) return;
      const row = rows.fold(before, watermark);
      stored.put(key, row, dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  };
}

/** Errors: InputError MR_FEATURES_KEY where rows would lie beside those of another user, whose decisions go elsewhere. */
function keyOf(view: AnyView, event: Interaction): string {
  const key = view.key(event);
  if (view.entity !== 'item' && isKeyOfUser(view.entity, key, event.user_id)) return key;
  throw new InputError('MR_FEATURES_KEY', `View ${view.name} gives an event a key that is not its user's.`, {
    hint: 'Key a user view by the user, and a crossed view by crossKey(event.user_id, ...).',
  });
}
