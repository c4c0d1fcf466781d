/** What rows gave, as records of the topics, into sorted runs. Users get their pseudonyms here: no file names them. */
import type { Serde } from '#engine';
import type { Clock } from '#platform';
import type { Pseudonyms } from '#privacy';
import type { DeadLetter } from '#schemas';
import type { Topics } from '#topologies';
import type { MalformedRow, RowTaker } from './read-rows.ts';
import type { RowStage } from './row-stage.ts';
import { LETTERS_AT, type RecordKind, TABLES_AT } from './sorted/record-layout.ts';
import type { EncodeValue, RunWriter } from './sorted/run-writer.ts';

export type Counts = {
  events: number;
  items: number;
  users: number;
  answers: number;
  malformed: number;
  /** Timestamps of the first and last event, ms; null without events. */
  firstTs: number | null;
  lastTs: number | null;
};

export type GatherOptions = {
  readonly topics: Topics;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
  readonly runs: RunWriter;
};

/** Texts of this length on may be slices that keep all of the text they are from in memory. */
const SLICED_FROM = 13;

export class Gatherer implements RowTaker {
  readonly counts: Counts = {
    events: 0,
    items: 0,
    users: 0,
    answers: 0,
    malformed: 0,
    firstTs: null,
    lastTs: null,
  };
  /** The first of them, to be shown. */
  readonly shownRows: MalformedRow[] = [];
  readonly #options: GatherOptions;
  readonly #encode: { readonly [K in RecordKind]: EncodeValue<never> };

  constructor(options: GatherOptions) {
    const { topics } = options;
    this.#options = options;
    this.#encode = {
      'dead-letters': encoderOf(topics['dead-letters'].value),
      items: encoderOf(topics.items.value),
      users: encoderOf(topics.users.value),
      answers: encoderOf(topics.answers.value),
      interactions: encoderOf(topics.interactions.value),
    };
  }

  async take({ events, items, users, answers }: RowStage): Promise<void> {
    const names = new Map<string, string>();
    for (const { event } of events) names.set(event.user_id, '');
    for (const { value } of users) names.set(value.user_id, '');
    for (const { user_id } of answers) names.set(user_id, '');
    // Each user once: to the vault a new one costs a hundred times as much as one that it knows.
    const ids = Array.from(names.keys(), ownText);
    const pseudonyms = await this.#options.pseudonyms.pseudonymsOf(ids);
    for (const [i, id] of ids.entries()) names.set(id, pseudonyms[i] as string);
    for (const { event, order } of events) {
      event.user_id = names.get(event.user_id) as string;
      this.#add('interactions', event.ts, order, event.user_id, event);
      this.#countTime(event.ts);
    }
    for (const { value, atMs } of users) {
      value.user_id = names.get(value.user_id) as string;
      this.#add('users', atMs ?? TABLES_AT, 0, value.user_id, value);
    }
    for (const answer of answers) {
      answer.user_id = names.get(answer.user_id) as string;
      // Before the impressions of the same time.
      this.#add('answers', answer.ts, -1, answer.user_id, answer);
    }
    for (const { value, atMs } of items) this.#add('items', atMs ?? TABLES_AT, 0, value.item_id, value);
    const { counts } = this;
    counts.events += events.length;
    counts.items += items.length;
    counts.users += users.length;
    counts.answers += answers.length;
  }

  malformed(row: MalformedRow): void {
    this.counts.malformed++;
    if (this.shownRows.length < SHOWN_ROWS) this.shownRows.push(row);
    this.#add('dead-letters', LETTERS_AT, 0, row.file, this.#letter(row));
  }

  /** Rows that may name a user are told by their place alone: what they say is in the file. */
  #letter({ file, line, text, reason, namesUsers }: MalformedRow): DeadLetter {
    const { pseudonyms, clock } = this.#options;
    const shown = !pseudonyms.forgets || !namesUsers;
    return {
      topic: file,
      partition: 0,
      offset: line,
      operator: 'import',
      reason: 'MR_IMPORT_MALFORMED',
      message: `${file}:${line}: ${shown ? reason : 'the row cannot be read'}`,
      timestamp: clock.now(),
      key: null,
      value: shown ? Buffer.from(text) : null,
    };
  }

  #add<V>(kind: RecordKind, time: number, order: number, key: string, value: V): void {
    this.#options.runs.add({ time, order, kind, key, value }, this.#encode[kind] as EncodeValue<V>);
  }

  #countTime(ts: number): void {
    const { firstTs, lastTs } = this.counts;
    if (firstTs === null || ts < firstTs) this.counts.firstTs = ts;
    if (lastTs === null || ts > lastTs) this.counts.lastTs = ts;
  }
}

/** Malformed rows that are shown one by one. */
const SHOWN_ROWS = 20;

function encoderOf<V>(serde: Serde<V>): EncodeValue<V> {
  return (value, target, at) => {
    if (serde.encodeInto !== undefined) return serde.encodeInto(value, target, at);
    const bytes = serde.encode(value);
    const missing = at + bytes.length - target.length;
    if (missing > 0) return -missing;
    bytes.copy(target, at);
    return at + bytes.length;
  };
}

/** Caches of pseudonyms hold ids for long: they get texts of their own. */
function ownText(id: string): string {
  return id.length < SLICED_FROM ? id : Buffer.from(id).toString();
}
