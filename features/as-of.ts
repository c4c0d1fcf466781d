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
  pending: Interaction[];
  ahead: Ahead<State> | undefined;
};

/**
 * A copy of a row's folded state with the first `count` pending events added, as of the latest request. A request for the
 * same time or a later one only adds the events in between.
 */
type Ahead<State> = {
  state: State;
  count: number;
  /** What `readAsOf` has read on the way, by how many pending events came before. */
  readonly readings: ({ readonly t: number; readonly reading: unknown } | undefined)[];
};

export type AsOfRows<State> = {
  empty(): AsOfRow<State>;
  /** Puts an event of the view in its place among the pending ones. Changes `row` and returns it. */
  insert(row: AsOfRow<State>, event: Interaction): AsOfRow<State>;
  /** Moves the pending events with ts < `watermark` into the folded state. Changes `row` and returns it. */
  fold(row: AsOfRow<State>, watermark: number): AsOfRow<State>;
  /**
   * The state of all events with ts < `t`, for a `t` at or above every watermark that the row was folded with. For
   * reading only, and at once: the next call for the row may change it.
   */
  stateAsOf(row: AsOfRow<State>, t: number): State;
  /**
   * What `read`, the same one at each call for the row, says of the state as of `t`. It is kept for the times of all events
   * up to there: who asks for one event after the other, in an order that is not quite theirs, need not start over.
   */
  readAsOf<Reading>(row: AsOfRow<State>, t: number, read: (state: State, t: number) => Reading): Reading;
  /** The state of all events, for reading only and at once. */
  live(row: AsOfRow<State>): State;
  toViewState(row: AsOfRow<State>): ViewState;
  /** Takes over the events of `stored` but not the list that holds them. */
  fromViewState(stored: ViewState): AsOfRow<State>;
};

export function asOfRows<State, Row>(view: FeatureView<State, Row>): AsOfRows<State> {
  const beginAhead = (row: AsOfRow<State>): Ahead<State> => {
    row.ahead = { state: view.merge(row.folded, view.empty()), count: 0, readings: [] };
    return row.ahead;
  };
  const addNext = (row: AsOfRow<State>, ahead: Ahead<State>): void => {
    ahead.state = view.add(ahead.state, row.pending[ahead.count++] as Interaction);
  };
  const stateAsOf = (row: AsOfRow<State>, t: number): State => {
    const count = countBefore(row.pending, t);
    if (count === 0) return row.folded;
    const ahead = row.ahead === undefined || row.ahead.count > count ? beginAhead(row) : row.ahead;
    while (ahead.count < count) addNext(row, ahead);
    return ahead.state;
  };
  return {
    empty: () => ({ folded: view.empty(), pending: [], ahead: undefined }),
    insert: (row, event) => {
      // A list of the one event: most are folded before the next one comes, and a list that has grown keeps its room.
      if (row.pending.length === 0) row.pending = [event];
      else {
        const at = insertInOrder(row.pending, event);
        if (row.ahead !== undefined && at < row.ahead.count) row.ahead = undefined;
      }
      return row;
    },
    fold: (row, watermark) => {
      const { ahead, pending } = row;
      const count = countBefore(pending, watermark);
      if (count === 0) return row;
      let added = 0;
      if (ahead !== undefined && ahead.count > count) {
        ahead.count -= count;
        ahead.readings.splice(0, count);
      } else if (ahead !== undefined) {
        // What has been added there need not be added again.
        row.folded = ahead.state;
        added = ahead.count;
        row.ahead = undefined;
      }
      for (let i = added; i < count; i++) row.folded = view.add(row.folded, pending[i] as Interaction);
      row.pending = count === pending.length ? [] : pending.slice(count);
      return row;
    },
    stateAsOf,
    readAsOf: <Reading>(row: AsOfRow<State>, t: number, read: (state: State, t: number) => Reading) => {
      const { pending } = row;
      const count = countBefore(pending, t);
      if (count === 0 && row.ahead === undefined) return read(row.folded, t);
      const ahead = row.ahead ?? beginAhead(row);
      const known = ahead.readings[count];
      if (known?.t === t) return known.reading as Reading;
      for (; ahead.count < count; addNext(row, ahead)) {
        const { ts } = pending[ahead.count] as Interaction;
        // Among events with the same timestamp only the first is read: all earlier ones precede it.
        if (ahead.count > 0 && (pending[ahead.count - 1] as Interaction).ts === ts) continue;
        ahead.readings[ahead.count] ??= { t: ts, reading: read(ahead.state, ts) };
      }
      const reading = read(stateAsOf(row, t), t);
      if (row.ahead === ahead) ahead.readings[count] = { t, reading };
      return reading;
    },
    live: (row) => stateAsOf(row, Number.POSITIVE_INFINITY),
    toViewState: (row) => ({ state: view.encode(row.folded), pending: row.pending.slice() }),
    fromViewState: (stored) => ({
      folded: view.decode(stored.state),
      pending: stored.pending.slice(),
      ahead: undefined,
    }),
  };
}

/** Event ids are unique to a user only, and a row of an item holds events of many. */
function compareEvents(a: Interaction, b: Interaction): number {
  return a.ts - b.ts || compareBytewise(a.event_id, b.event_id) || compareBytewise(a.user_id, b.user_id);
}

/** Returns the place. Most events come in order, so the end is looked at first. */
function insertInOrder(pending: Interaction[], event: Interaction): number {
  const last = pending.length - 1;
  const at = precedes(pending[last] as Interaction, event) ? last + 1 : placeAmong(pending, event);
  if (at > last) pending.push(event);
  else pending.splice(at, 0, event);
  return at;
}

function placeAmong(pending: readonly Interaction[], event: Interaction): number {
  let low = 0;
  let high = pending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (precedes(pending[middle] as Interaction, event)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function precedes(a: Interaction, b: Interaction): boolean {
  const order = compareEvents(a, b);
  invariant(order !== 0, 'an event was inserted twice; admission lets an event id of a user through once');
  return order < 0;
}

/** Most often it is asked with a watermark that has passed all of them. */
function countBefore(pending: readonly Interaction[], t: number): number {
  let low = 0;
  let high = pending.length;
  if (high > 0 && (pending[high - 1] as Interaction).ts < t) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pending[middle] as Interaction).ts < t) low = middle + 1;
    else high = middle;
  }
  return low;
}
