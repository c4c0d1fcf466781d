import { currentRecords, readableRecords } from '#engine';
import type { Log } from '#log';
import { InputError } from '#platform';
import type { DeadLetter, DeadLetterOutcome } from '#schemas';
import type { Topics } from '#topologies';

export type LettersEnvironment = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'dead-letters' | 'dead-letter-outcomes' | 'audit'>;
};

export type Letter = {
  /** Offset in topic `dead-letters`, which has one partition. */
  readonly id: number;
  readonly value: DeadLetter;
  /** Absent while nobody has decided. */
  readonly outcome?: DeadLetterOutcome;
};

/** What is absent matches all letters. Times are those of the failed records, ms: `sinceMs` inclusive, `untilMs` exclusive. */
export type LetterFilter = {
  readonly ids?: ReadonlySet<number>;
  readonly reason?: string | undefined;
  readonly topic?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
};

export type Outcomes = ReadonlyMap<string, DeadLetterOutcome>;

/**
 * The key of a letter's outcome: topic, partition and offset of the record that failed. Several operators may fail on one
 * record, and each writes a letter: they share the outcome. Letters without a record have one of their own.
 */
export function outcomeKey(id: number, { topic, partition, offset }: DeadLetter): string {
  return topic === '' ? `dead-letters-0-${id}` : `${topic}-${partition}-${offset}`;
}

export async function readOutcomes({ log, topics }: LettersEnvironment): Promise<Outcomes> {
  const records = await currentRecords(log, topics['dead-letter-outcomes'], 'by-first');
  return new Map(Array.from(records, ([key, { value }]) => [key, value]));
}

/** All letters that are readable now, oldest first, some at a time. */
export async function* readLetters(
  { log, topics }: LettersEnvironment,
  outcomes: Outcomes,
): AsyncGenerator<readonly Letter[]> {
  for await (const records of readableRecords(log, topics['dead-letters'])) {
    yield records.flatMap(({ offset: id, value }) => {
      if (value === null) return [];
      const outcome = outcomes.get(outcomeKey(id, value));
      return [{ id, value, ...(outcome && { outcome }) }];
    });
  }
}

export function matches(
  { id, value }: Letter,
  { ids, reason, topic, sinceMs, untilMs }: LetterFilter,
): boolean {
  return (
    (ids === undefined || ids.has(id)) &&
    (reason === undefined || value.reason === reason) &&
    (topic === undefined || value.topic === topic) &&
    (sinceMs === undefined || value.timestamp >= sinceMs) &&
    (untilMs === undefined || value.timestamp < untilMs)
  );
}

/** The letters that match, oldest first, some at a time. */
export async function* lettersMatching(
  environment: LettersEnvironment,
  filter: LetterFilter,
): AsyncGenerator<readonly Letter[]> {
  for await (const letters of readLetters(environment, await readOutcomes(environment))) {
    yield letters.filter((letter) => matches(letter, filter));
  }
}

/** Errors: InputError MR_DEAD_LETTER_UNKNOWN. */
export async function letterNamed(environment: LettersEnvironment, id: number): Promise<Letter> {
  for await (const [letter] of lettersMatching(environment, { ids: new Set([id]) })) {
    if (letter !== undefined) return letter;
  }
  throw unknownLetter(id);
}

export function unknownLetter(id: number): InputError {
  return new InputError('MR_DEAD_LETTER_UNKNOWN', `There is no dead letter ${id}.`, {
    hint: 'List them with "millrace dead-letters list --all"; they are kept for 30 days.',
  });
}
