import type { FlowRecord } from '../../operators/record.ts';
import type { Serde } from '../../serde.ts';
import { port } from '../processor.ts';
import type { Emission } from '../stream.ts';
import type { SessionWindow } from './window.ts';
import type { Windowed } from './windowed-key.ts';

/** When a window's results go out: after every record, the last one at each commit, or one when it closes. */
export type WindowEmission = Emission | 'on-close';

export type WindowAggregation<K, V, S> = {
  readonly initial: () => S;
  /**
   * Returns a new state: the one passed in has been emitted, and others may still hold it. Null removes the
   * window's row; the next record begins with `initial` again.
   */
  readonly add: (state: S, record: FlowRecord<K, NonNullable<V>>) => S | null;
  readonly value: Serde<S>;
  readonly emit?: WindowEmission;
  /** How long a window's row is kept behind its close, to be queried. */
  readonly retentionMs?: number;
};

/** Sessions that a record connects become one: `initial`, merged with each of them by the order of their starts. */
export type SessionMerge<S> = { readonly merge: (earlier: S, later: S) => S };

/** What an aggregation needs besides, by the kind of its windows. */
export type MergeFor<W, S> = [Extract<W, SessionWindow>] extends [never] ? unknown : SessionMerge<S>;

/** A record of which no window took anything. */
export const LATE = 'late';
/** A record that some of its windows were closed for. */
export const LATE_IN_PART = 'late-in-part';

/** A record that belongs to nobody. */
export const NULL_KEY = 'null-key';
/** A record that says nothing of its key. */
export const NULL_VALUE = 'null-value';

/** What all window operators share; their port `late` carries the records that came too late for any window. */
export function windowPorts<K, V, S>() {
  return {
    inputs: { records: port<K, V>() },
    outputs: { records: port<Windowed<K>, S | null>(), late: port<K, V>() },
    foldsStates: true,
  };
}
