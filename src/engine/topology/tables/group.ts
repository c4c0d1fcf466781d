import { checkedKey, textOf, undefinedOf } from '../../operators/record-checks.ts';
import type { KeySerde } from '../../serde.ts';
import type { KeyValueStore } from '../../store/key-value-store.ts';
import { copyOf } from '../joins/copy-of.ts';
import { defineProcessor, port } from '../processor.ts';
import type { Table } from '../table.ts';
import { settledAt } from '../windows/windowed-key.ts';
import type { RowChange } from './row-change.ts';

/** What the timer of a closed row is given. */
type Forgetting = { readonly stores: { readonly rows: Pick<KeyValueStore<unknown>, 'delete'> } };

/** What a row belongs to; null: to no group. Depends on the row alone, since it is asked again when the row goes. */
export type GroupOf<K, V, G> = (value: V, key: K) => G | null;

/**
 * Turns a table's upserts into changes of groups: it keeps the rows, so it knows which group a row leaves. A row
 * whose group can't be told belongs to none, and goes to the output `refused` with the error. A row whose window has closed
 * leaves its group no more, and is forgotten;
 * a change that comes nevertheless, where an input that fell silent did not hold back the watermark, is late.
 */
export function groupSpec<K, V, G>(
  name: string,
  table: Table<K, V>,
  group: KeySerde<G>,
  groupOf: GroupOf<K, V, G>,
) {
  const key = checkedKey(table.key, name);
  const settled = table.topic === undefined ? settledAt(key) : undefined;
  const groupFor = (row: V, k: K): G | null => {
    const to = groupOf(row, k);
    if (to === undefined) throw undefinedOf(name, k);
    // A group whose key is no text has no place, like one that can't be told.
    if (to !== null) textOf(group, to, name);
    return to;
  };
  return defineProcessor({
    inputs: { table: port<K, V | null>() },
    outputs: { changes: port<G, RowChange<V>>(), refused: port<K, unknown>() },
    stores: { rows: copyOf(table) },
    reads: {
      table: ({ key: k }) => {
        const own = k === null ? [] : [key.toText(k)];
        return { rows: own, timers: settled === undefined ? [] : own };
      },
    },
    process: {
      table: ({ key: k, value: added, timestamp }, { stores, emit, setTimer, drop, watermark }) => {
        if (k === null) return drop('null-key');
        if (settled !== undefined && settled(k) <= watermark) return drop('late');
        const text = key.toText(k);
        const removed = stores.rows.get(text);
        let from: G | null = null;
        try {
          if (removed !== undefined) from = groupFor(removed, k);
        } catch {
          // It was refused when it came, and is in no group.
        }
        let to: G | null = null;
        try {
          if (added !== null) to = groupFor(added, k);
          if (added !== null && to === null) drop('null-key');
        } catch (error) {
          emit('refused', k, error, timestamp);
        }
        // The copy takes every row, as one that is restored from the table's topic does.
        if (added === null) stores.rows.delete(text, timestamp);
        else stores.rows.put(text, added, timestamp);
        if (added !== null && settled !== undefined) setTimer(text, settled(k));
        const stays = from !== null && to !== null && group.toText(from) === group.toText(to);
        if (stays && from !== null && removed !== undefined && added !== null) {
          emit('changes', from, { removed, added }, timestamp);
          return;
        }
        if (from !== null && removed !== undefined) emit('changes', from, { removed }, timestamp);
        if (to !== null && added !== null) emit('changes', to, { added }, timestamp);
      },
    },
    ...(settled !== undefined && {
      onTimer: (text: string, dueMs: number, { stores }: Forgetting) => stores.rows.delete(text, dueMs),
    }),
  });
}
