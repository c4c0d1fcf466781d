import type { Stream } from '../../../topology/stream.ts';
import { json } from '../../json-topic.ts';
import type { Model } from '../model.ts';
import type { Fold } from '../values.ts';

/** What each operator takes and emits: text under text, null where a row goes. */
export type Rows = Stream<string, string | null>;

/** The times of all operators of a chain, in ms. */
export type Times = {
  readonly sizeMs: number;
  /** At most the size. */
  readonly advanceMs: number;
  readonly gapMs: number;
  readonly graceMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Delay of timers and of suppression by time. */
  readonly delayMs: number;
  readonly historyMs: number;
};

/** How a chain's operators are made, besides their times. */
export type Setting = Times & {
  /** Folds remove the row at some values. */
  readonly removes: boolean;
  /** Rows of windows go on under a key of their own, not under the record's. */
  readonly byWindow: boolean;
};

/** An operator in a chain: how it is declared, and what it is. */
export type Operator = {
  /** `name` and what begins with it are the operator's own. */
  declare(main: Rows, side: Rows, name: string, setting: Setting): Rows;
  models(setting: Setting): readonly Model[];
  /** What it is where no topic lies before it, if that differs: several rows may come of one record there. */
  modelsInOneTask?(setting: Setting): readonly Model[];
  /** Whether it reads the second input. */
  readonly takesSide?: boolean;
  /** It sends its rows through topics of its own. */
  readonly repartitions?: boolean;
  /** What comes out depends on the commits. */
  readonly isPerCommit?: boolean;
  /** In which order rows of several keys come out of one record is left open. */
  readonly mixesKeys?: boolean;
  /** Only the last row of each key is certain. */
  readonly isCertainAtTheEnd?: boolean;
};

export type Catalogue = Readonly<Record<string, Operator>>;

export const text = json<string>();

/** The fold as options of an aggregation; it is handed no nulls, whatever the stream's type. */
export function folding({ initial, add, merge }: Fold) {
  return {
    initial,
    add: (state: string, record: { readonly value: string | null }) => {
      if (record.value === null) throw new Error('an aggregation was handed null');
      return add(state, record.value) as string;
    },
    merge,
    value: text,
  };
}
