/**
 * Rows that know their past. A row of a view's topic holds the state of all events before some watermark (`folded`)
 * and the events since, one by one (`pending`). One copy then serves two readers: the live row merges everything, and
 * the row as of a time t, which a training example needs, takes the events with a timestamp strictly before t.
 *
 * The contract: watermarks given to `fold` never go down, and no event is inserted with a timestamp below one of
 * them (admission moves late events up to the watermark). Then a row's bytes depend on its set of events and on the
 * last watermark it was folded with, and on nothing else: not on the order of arrival, nor on earlier folds.
 */
import { invariant } from '#platform';
import type { Interaction, ViewState } from '#schemas';
import { compareBytewise } from './encoding.ts';
import type { FeatureView } from './view.ts';

/** The decoded form. `pending` ascends by (ts, event_id, user_id). */
export type AsOfRow<State> = {
  folded: State;
  readonly pending: Interaction[];
  /**
   * A copy of the folded state with the first `count` pending events added: what was asked for last. Whoever asks again,
   * for the same time or a later one, waits for what has come between alone.
   */
  ahead?: { state: State; count: number } | undefined;
};

export type AsOfRows<State> = {
  empty(): AsOfRow<State>;
  /** Puts an event of the view in its place among the pending ones. Changes `row` and gives it back. */
  insert(row: AsOfRow<State>, event: Interaction): AsOfRow<State>;
  /** Moves the pending events with ts < `watermark` into the folded state. Changes `row` and gives it back. */
  fold(row: AsOfRow<State>, watermark: number): AsOfRow<State>;
  /**
   * The state of all events with ts < `t`, for a `t` at or above every watermark that the row was folded with. For
   * reading only, and at once: the next call for the row may change it.
   */
  stateAsOf(row: AsOfRow<State>, t: number): State;
  /** The state of all events, for reading only and at once. */
  live(row: AsOfRow<State>): State;
  toViewState(row: AsOfRow<State>): ViewState;
  /** Takes over the events of `stored` but not the list that holds them. */
  fromViewState(stored: ViewState): AsOfRow<State>;
};

export function asOfRows<State, Row>(view: FeatureView<State, Row>): AsOfRows<State> {
  const stateAsOf = (row: AsOfRow<State>, t: number): State => {
    const count = countBefore(row.pending, t);
    if (count === 0) return row.folded;
    if (row.ahead === undefined || row.ahead.count > count) {
      row.ahead = { state: view.merge(row.folded, view.empty()), count: 0 };
    }
    const { ahead } = row;
    for (; ahead.count < count; ahead.count++) {
      ahead.state = view.add(ahead.state, row.pending[ahead.count] as Interaction);
    }
    return ahead.state;
  };
  return {
    empty: () => ({ folded: view.empty(), pending: [] }),
    insert: (row, event) => {
      const at = insertInOrder(row.pending, event);
      if (row.ahead !== undefined && at < row.ahead.count) row.ahead = undefined;
      return row;
    },
    fold: (row, watermark) => {
      const { ahead, pending } = row;
      const count = countBefore(pending, watermark);
      if (count === 0) return row;
      let added = 0;
      if (ahead !== undefined && ahead.count > count) ahead.count -= count;
      else if (ahead !== undefined) {
        // What has been added there need not be added again.
        row.folded = ahead.state;
        added = ahead.count;
        row.ahead = undefined;
      }
      for (let i = added; i < count; i++) row.folded = view.add(row.folded, pending[i] as Interaction);
      pending.splice(0, count);
      return row;
    },
    stateAsOf,
    live: (row) => stateAsOf(row, Number.POSITIVE_INFINITY),
    toViewState: (row) => ({ state: view.encode(row.folded), pending: row.pending.slice() }),
    fromViewState: (stored) => ({ folded: view.decode(stored.state), pending: stored.pending.slice() }),
  };
}

/** Event ids are unique to a user only, and a row of an item holds events of many. */
function compareEvents(a: Interaction, b: Interaction): number {
  return a.ts - b.ts || compareBytewise(a.event_id, b.event_id) || compareBytewise(a.user_id, b.user_id);
}

/** Gives the place. Most events come in order, so the search goes from the end. */
function insertInOrder(pending: Interaction[], event: Interaction): number {
  let at = pending.length;
  for (; at > 0; at--) {
    const order = compareEvents(pending[at - 1] as Interaction, event);
    invariant(order !== 0, 'an event was inserted twice; admission lets an event id of a user through once');
    if (order < 0) break;
  }
  if (at === pending.length) pending.push(event);
  else pending.splice(at, 0, event);
  return at;
}

function countBefore(pending: readonly Interaction[], t: number): number {
  let count = 0;
  while (count < pending.length && (pending[count] as Interaction).ts < t) count++;
  return count;
}
