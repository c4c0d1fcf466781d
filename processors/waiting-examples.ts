import type { KeyValueStore } from '#engine';
import type { Answer, Outcome, PopularityRanks, UnlabelledExample } from '#schemas';
import type { LabelledExample } from './example-parts.ts';
import { type OutcomeOptions, type OutcomeValues, outcomes } from './outcomes.ts';

/** What labels are made of, as the task of `outcomes` reads it, each in the order of its topic. */
export type Known = {
  readonly ranks: readonly PopularityRanks[];
  readonly answers: readonly { readonly user: string; readonly answer: Answer }[];
  readonly outcomes: readonly { readonly user: string; readonly outcome: Outcome }[];
};

export type WaitingExample = { readonly user: string; readonly waiting: UnlabelledExample };

/**
 * Labels examples by what is known now, as `outcomes` would if nothing else came within their windows. Changes no state: the
 * examples go on waiting.
 */
export function labelledByNow(
  options: OutcomeOptions,
  values: OutcomeValues,
  known: Known,
  examples: readonly WaitingExample[],
): LabelledExample[] {
  const labelled: LabelledExample[] = [];
  const { process } = outcomes(options, values);
  type Context = Parameters<typeof process.examples>[1];
  const stores = {
    recent: inMemory(),
    served: inMemory(),
    ranks: inMemory(),
  } as unknown as Context['stores'];
  const context = {
    stores,
    // Corrections are of examples that wait no longer.
    emit: (output: string, _: string, value: LabelledExample) => {
      if (output === 'examples') labelled.push(value);
    },
    drop: () => {},
    setTimer: () => {},
  } as unknown as Context;
  const record = <V>(key: string, value: V, timestamp: number) => ({ key, value, timestamp }) as never;
  for (const ranks of known.ranks) process.ranks(record('', ranks, ranks.ts), context);
  for (const { user, answer } of known.answers) process.answers(record(user, answer, answer.ts), context);
  for (const { user, outcome } of known.outcomes)
    process.outcomes(record(user, outcome, outcome.ts), context);
  for (const { user, waiting } of examples) process.examples(record(user, waiting, waiting.ts), context);
  return labelled;
}

function inMemory<V>(): Pick<KeyValueStore<V>, 'get' | 'put' | 'delete'> {
  const rows = new Map<string, V>();
  return {
    get: (key) => rows.get(key),
    put: (key, value) => void rows.set(key, value),
    delete: (key) => void rows.delete(key),
  };
}
