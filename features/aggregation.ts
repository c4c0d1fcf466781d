/**
 * The algebra of features. An aggregation is a commutative monoid over exact state: `merge` is associative and
 * commutative with `empty()` as its identity, `add` is `merge` with the state of one event, and equal multisets of
 * events give equal bytes. So neither the order in which partitions interleave, nor the split into batches, nor
 * where a rebuild starts can change a byte of a view. testing/laws.ts states these laws for fast-check, and every
 * aggregation is held to them. (Monoids for feature aggregation: Airbnb's Chronon, Twitter's Summingbird.)
 *
 * Inexact arithmetic belongs in `finish` alone, which reads a state and changes nothing.
 */
import type { CanonicalReader, CanonicalWriter } from './encoding.ts';

export interface Aggregation<State, Event, Out> {
  empty(): State;
  /** May change `state`; the result takes its place. After an exception `state` is unusable. */
  add(state: State, event: Event): State;
  /** Changes neither, and the result shares nothing changeable with them. */
  merge(a: State, b: State): State;
  encode(writer: CanonicalWriter, state: State): void;
  decode(reader: CanonicalReader): State;
  /** What the state says at time `now`, ms of the world's clock. Changes nothing. */
  finish(state: State, now: number): Out;
  /**
   * The first time after `now`, ms, at which `finish` may give something else though no event has come; Infinity where
   * none does. Absent where time changes nothing, or `finish` gives something else at every moment: a view names
   * what follows from the latter (lasting-row.ts).
   */
  changesAt?(state: State, now: number): number;
}

/** What every event of a view has: its event time, ms since the epoch. */
export type Timestamped = { readonly ts: number };

/** An event with its id, which is unique to its user. */
export type Identified = Timestamped & { readonly event_id: string };

/** The aggregation over the events that match alone; to all others it is blind. */
export function where<State, Event, Out>(
  matches: (event: Event) => boolean,
  aggregation: Aggregation<State, Event, Out>,
): Aggregation<State, Event, Out> {
  return {
    ...aggregation,
    add: (state, event) => (matches(event) ? aggregation.add(state, event) : state),
  };
}
