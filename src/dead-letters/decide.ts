import { auditRecord } from '#audit';
import { FencedWriter, type ProducerRecord, type TopicPartition, type Transaction } from '#log';
import { type Clock, errorCode, failpoint, InputError, RetryableError } from '#platform';
import type { DeadLetterOutcome } from '#schemas';
import {
  type Letter,
  type LetterFilter,
  type LettersEnvironment,
  matches,
  outcomeKey,
  readLetters,
  readOutcomes,
  unknownLetter,
} from './letters.ts';
import { retriedRecord } from './retried-records.ts';
import { SourceRecords } from './source-records.ts';

/** Everybody who decides on letters writes under this id, so that of two one is fenced. */
const TRANSACTIONAL_ID = 'dead-letters';
/** Most dead letters per transaction: brokers abort transactions that take too long. */
const MOST_LETTERS = 200;
const MOST_BYTES = 4 * 1024 * 1024;

export type Decision = {
  readonly fate: DeadLetterOutcome['outcome'];
  /** Which letters; those that are named although they were dropped are retried as well. */
  readonly filter: LetterFilter;
  readonly actor: string;
  /** Topics that processors write: a second copy of a record there counts twice for whoever took the first. */
  readonly derived: ReadonlySet<string>;
};

export type Refused = { readonly id: number; readonly error: InputError };

export type Decided = {
  readonly decided: readonly (TopicPartition & { readonly id: number; readonly offset: number })[];
  /** Had been decided before. */
  readonly earlier: readonly number[];
  readonly refused: readonly Refused[];
};

/**
 * Retries or drops letters. A record, its outcome and the audit event are one transaction; what an earlier call has decided is
 * left out. Errors: InputError MR_DEAD_LETTER_UNKNOWN, before anything is written; RetryableError MR_DEAD_LETTERS_FENCED, with
 * a part of the letters decided.
 */
export async function decideLetters(
  environment: LettersEnvironment & { readonly clock: Clock },
  decision: Decision,
): Promise<Decided> {
  await requireKnown(environment, decision.filter);
  const [writer, outcomes] = await FencedWriter.openAndRead(environment.log, TRANSACTIONAL_ID, () =>
    readOutcomes(environment),
  );
  failpoint('dead-letters.opened');
  try {
    return await new Deciding(environment, decision, writer, outcomes).run();
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_FENCED') throw error;
    throw new RetryableError('MR_DEAD_LETTERS_FENCED', 'Another retry or drop of dead letters has begun.', {
      hint: 'Run the command again: it leaves out what the other one has done.',
      cause: error,
    });
  } finally {
    await writer.close();
  }
}

async function requireKnown(environment: LettersEnvironment, { ids }: LetterFilter): Promise<void> {
  if (ids === undefined) return;
  const missing = new Set(ids);
  for await (const letters of readLetters(environment, new Map())) {
    for (const { id } of letters) missing.delete(id);
  }
  const [unknown] = missing;
  if (unknown !== undefined) throw unknownLetter(unknown);
}

class Deciding {
  readonly #environment: LettersEnvironment & { readonly clock: Clock };
  readonly #decision: Decision;
  readonly #writer: FencedWriter;
  /** With those of this call. */
  readonly #outcomes: Map<string, DeadLetterOutcome>;
  readonly #decided: (TopicPartition & { id: number; offset: number })[] = [];
  readonly #earlier: number[] = [];
  readonly #refused: Refused[] = [];

  constructor(
    environment: LettersEnvironment & { readonly clock: Clock },
    decision: Decision,
    writer: FencedWriter,
    outcomes: ReadonlyMap<string, DeadLetterOutcome>,
  ) {
    this.#environment = environment;
    this.#decision = decision;
    this.#writer = writer;
    this.#outcomes = new Map(outcomes);
  }

  async run(): Promise<Decided> {
    const orphans = new Set(this.#outcomes.keys());
    for await (const letters of readLetters(this.#environment, new Map())) {
      for (const { id, value } of letters) orphans.delete(outcomeKey(id, value));
      const chosen = letters.filter((letter) => matches(letter, this.#decision.filter));
      for (const some of inTransactions(chosen)) await this.#decide(some);
    }
    await this.#forget(orphans);
    return { decided: this.#decided, earlier: this.#earlier, refused: this.#refused };
  }

  async #decide(letters: readonly Letter[]): Promise<void> {
    const { clock, topics } = this.#environment;
    const { fate, actor, filter } = this.#decision;
    const outcome = { outcome: fate, ts: clock.now(), actor };
    const records: { readonly letter: Letter; readonly record: ProducerRecord | undefined }[] = [];
    for await (const each of this.#undecided(letters)) {
      this.#outcomes.set(outcomeKey(each.letter.id, each.letter.value), outcome);
      records.push(each);
    }
    if (records.length === 0) return;
    const ids = records.map(({ letter }) => letter.id).join(',');
    const { reason, topic } = filter;
    const details = { letters: ids, ...(reason && { reason }), ...(topic && { topic }) };
    const act = { act: `dead-letters ${fate === 'retried' ? 'retry' : 'drop'}`, actor, details };
    const outcomes = records.map(({ letter: { id, value } }) => ({
      key: Buffer.from(outcomeKey(id, value)),
      value: topics['dead-letter-outcomes'].value.encode(outcome),
      timestamp: outcome.ts,
    }));
    failpoint('dead-letters.commit.before');
    await this.#writer.write({
      appends: [
        ...byPartition(records),
        { topic: topics['dead-letter-outcomes'].name, partition: 0, records: outcomes },
        auditRecord(topics, { ...act, subject: topics['dead-letters'].name }, outcome.ts),
      ],
    });
    failpoint('dead-letters.commit.after');
    for (const { letter } of records) {
      const { topic, partition, offset } = letter.value;
      this.#decided.push({ id: letter.id, topic, partition, offset });
    }
  }

  /** Those that are still to be decided, each record once, with what is to be appended for them. */
  async *#undecided(letters: readonly Letter[]) {
    const { fate, filter, derived } = this.#decision;
    const sources = await SourceRecords.open(this.#environment.log, fate === 'retried' ? letters : []);
    try {
      for (const letter of letters) {
        const { id, value } = letter;
        const before = this.#outcomes.get(outcomeKey(id, value))?.outcome;
        const isRevived = fate === 'retried' && before === 'dropped' && filter.ids !== undefined;
        if (before !== undefined && !isRevived) {
          this.#earlier.push(id);
          continue;
        }
        const record = fate === 'retried' ? await retriedRecord(letter, sources, derived) : undefined;
        if (record instanceof InputError) this.#refused.push({ id, error: record });
        else yield { letter, record };
      }
    } finally {
      await sources.close();
    }
  }

  /** Outcomes of letters that retention has removed are of no more use. */
  async #forget(keys: ReadonlySet<string>): Promise<void> {
    const { topics, clock } = this.#environment;
    const records = Array.from(keys, (key) => {
      return { key: Buffer.from(key), value: null, timestamp: clock.now() };
    });
    if (records.length === 0) return;
    await this.#writer.write({
      appends: [{ topic: topics['dead-letter-outcomes'].name, partition: 0, records }],
    });
  }
}

function* inTransactions(letters: readonly Letter[]): Generator<readonly Letter[]> {
  let some: Letter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    some.push(letter);
    bytes += letter.value.value?.length ?? 0;
    if (some.length < MOST_LETTERS && bytes < MOST_BYTES) continue;
    yield some;
    some = [];
    bytes = 0;
  }
  if (some.length > 0) yield some;
}

function byPartition(
  records: readonly { readonly letter: Letter; readonly record: ProducerRecord | undefined }[],
): NonNullable<Transaction['appends']> {
  const appended = records.filter((each) => each.record !== undefined);
  const partitions = Map.groupBy(appended, ({ letter }) => `${letter.value.topic}/${letter.value.partition}`);
  return Array.from(partitions.values(), (each) => {
    const [{ letter } = { letter: undefined }] = each;
    const { topic = '', partition = 0 } = letter?.value ?? {};
    return { topic, partition, records: each.flatMap(({ record }) => record ?? []) };
  });
}
