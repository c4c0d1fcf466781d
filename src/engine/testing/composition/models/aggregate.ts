import type { Model } from '../model.ts';
import type { Fold } from '../values.ts';

/** A state a key; its timestamp is the later of the record's and the state's. Null removes the row, where there is one. */
export function aggregateModel({ initial, add }: Pick<Fold, 'initial' | 'add'>): Model {
  const states = new Map<string, { readonly value: string; readonly timestamp: number }>();
  return {
    record: ({ key, value, timestamp }, _watermark, emit) => {
      if (value === null) return;
      const state = states.get(key);
      const updated = add(state?.value ?? initial(), value);
      const changedMs = Math.max(timestamp, state?.timestamp ?? timestamp);
      if (updated === null) states.delete(key);
      else states.set(key, { value: updated, timestamp: changedMs });
      if (updated !== null || state !== undefined) emit({ key, value: updated, timestamp: changedMs });
    },
  };
}

/** The first value is the state. */
export function reduceModel(combine: (state: string, value: string) => string): Model {
  return aggregateModel({
    initial: () => '',
    add: (state, value) => (state === '' ? value : combine(state, value)),
  });
}
