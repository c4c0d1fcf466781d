/**
 * The second half of an import: publishes sorted records in transactions. The position among them is committed with each,
 * as an offset of a group of this import, so that an interrupted import continues with the record after the last one
 * that is visible: none is published twice, and none is lost, without help from admission.
 */
import { TopicWriter } from '#engine';
import {
  FencedWriter,
  idleMember,
  isExpired,
  type Log,
  partitionFor,
  RecordBuffer,
  type Transaction,
} from '#log';
import { type Clock, ConfigurationError, failpoint, InputError, type ProgressStep } from '#platform';
import type { Topics } from '#topologies';
import type { SortedInput } from './sort-input.ts';
import type { RecordKind } from './sorted/record-layout.ts';
import { RunMerge } from './sorted/run-merge.ts';

/** Whoever imports fences an import that was believed dead. */
const TRANSACTIONAL_ID = 'import';
/** A topic without retention: on another one, the offset would hold back the cleaner. */
const POSITION_TOPIC = 'items';
const RECORDS_A_TRANSACTION = 20_000;
const BYTES_A_TRANSACTION = 8 << 20;
const DAY_MS = 86_400_000;

export type PublishOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly clock: Clock;
  /** Whether the log deletes what is past a topic's retention by the wall clock. */
  readonly expiresByWallClock: boolean;
  /** How far behind the newest event an event may lie and still be admitted, ms. */
  readonly dedupHorizonMs: number;
  /** Records per transaction, at most. */
  readonly maxRecords?: number;
  readonly step: ProgressStep;
  readonly signal: AbortSignal;
};

export type Published = {
  /** Records published by this call. */
  readonly written: number;
  /** How many of the records are events. */
  readonly events: number;
};

/** How many records an import consists of. */
export function recordCount({ events, items, users, answers, malformed }: SortedInput): number {
  return events + items + users + answers + malformed;
}

/**
 * Publishes what is not published yet, then announces that no earlier event follows. Errors: InputError
 * MR_IMPORT_TOO_OLD, ConfigurationError MR_IMPORT_EXPIRES, before anything is published; MR_LOG_FENCED when another
 * import has begun.
 */
export async function publishSorted(sorted: SortedInput, options: PublishOptions): Promise<Published> {
  const { log, topics } = options;
  refuseExpired(sorted, options);
  const group = `import-${sorted.id.slice(0, 16)}`;
  const [writer, position] = await FencedWriter.openAndRead(log, TRANSACTIONAL_ID, () =>
    readPosition(log, group),
  );
  const merge = new RunMerge(sorted.runs);
  try {
    for (let i = 0; i < position; i++) merge.advance();
    await refuseTooOld(merge, sorted, options);
    const published = await publish({ merge, writer, group, position, sorted }, options);
    failpoint('import.announce');
    // No later: the next import may begin a moment after this one, and live events too. Examples wait on (decision 054).
    if (sorted.lastTs !== null) await announce(sorted.lastTs + 1, log, topics);
    return published;
  } finally {
    merge.close();
    await writer.close();
  }
}

/** To readers, that no event from before `ms` follows. */
async function announce(ms: number, log: Log, { interactions }: Topics): Promise<void> {
  const writer = await TopicWriter.open(log, interactions);
  try {
    await writer.announce(ms);
  } finally {
    await writer.close();
  }
}

async function readPosition(log: Log, group: string): Promise<number> {
  const [committed] = await log.committedOffsets(group, [{ topic: POSITION_TOPIC, partition: 0 }]);
  return committed?.offset ?? 0;
}

type Publication = {
  readonly merge: RunMerge;
  readonly writer: FencedWriter;
  readonly group: string;
  readonly position: number;
  readonly sorted: SortedInput;
};

async function publish(
  { merge, writer, group, position, sorted }: Publication,
  options: PublishOptions,
): Promise<Published> {
  const { step, signal, maxRecords = RECORDS_A_TRANSACTION } = options;
  let done = position;
  let events = 0;
  let committing: Promise<unknown> = Promise.resolve();
  // One is being filled while the other is on its way.
  const gathered = [new Gathered(options, sorted), new Gathered(options, sorted)] as const;
  try {
    for (let turn = 0; merge.next !== undefined; turn = 1 - turn) {
      const chunk = gathered[turn as 0 | 1];
      chunk.clear();
      while (merge.next !== undefined && chunk.records < maxRecords && chunk.bytes < BYTES_A_TRANSACTION) {
        chunk.add(merge.next);
        merge.advance();
      }
      await committing;
      signal.throwIfAborted();
      step.update(done);
      done += chunk.records;
      events += chunk.events;
      failpoint('import.commit.before');
      const offsets = [{ topic: POSITION_TOPIC, partition: 0, offset: done }];
      committing = writer
        .write({ appends: chunk.appends, offsets: [{ group: idleMember(group), offsets }] })
        .then(() => failpoint('import.commit.after'));
      // It is waited for before the next one; until then its failure is nobody's.
      committing.catch(() => {});
    }
    await committing;
    step.update(done);
    return { written: done - position, events };
  } finally {
    await committing.catch(() => {});
  }
}

type Next = NonNullable<RunMerge['next']>;

/** The records of a transaction, by topic and partition. */
class Gathered {
  records = 0;
  bytes = 0;
  events = 0;
  readonly #topics: Topics;
  readonly #tablesAt: number;
  readonly #now: number;
  readonly #buffers: { readonly [K in RecordKind]: readonly RecordBuffer[] };

  constructor({ topics, clock }: PublishOptions, { tablesAt }: SortedInput) {
    const of = (kind: RecordKind) =>
      Array.from({ length: topics[kind].partitions }, () => new RecordBuffer());
    this.#topics = topics;
    this.#tablesAt = tablesAt;
    this.#now = clock.now();
    this.#buffers = {
      'dead-letters': of('dead-letters'),
      items: of('items'),
      users: of('users'),
      answers: of('answers'),
      interactions: of('interactions'),
    };
  }

  get appends(): NonNullable<Transaction['appends']> {
    return Object.entries(this.#buffers).flatMap(([topic, buffers]) =>
      buffers.flatMap((records, partition) => (records.length === 0 ? [] : [{ topic, partition, records }])),
    );
  }

  add({ kind, key, value, time }: Next): void {
    const buffers = this.#buffers[kind];
    const buffer = buffers[partitionFor(key, buffers.length)] as RecordBuffer;
    if (kind === 'items' || kind === 'users') this.#addRow(kind, buffer, key, value, time);
    else buffer.put(key, value, kind === 'dead-letters' ? this.#now : time);
    this.records++;
    if (kind === 'interactions') this.events++;
    this.bytes += key.length + value.length;
  }

  clear(): void {
    for (const buffers of Object.values(this.#buffers)) for (const each of buffers) each.clear();
    this.records = 0;
    this.bytes = 0;
    this.events = 0;
  }

  /** What it says of its creation cannot lie after it was published. */
  #addRow(kind: 'items' | 'users', buffer: RecordBuffer, key: Buffer, value: Buffer, time: number): void {
    const at = time < 0 ? this.#tablesAt : time;
    const topic = this.#topics[kind];
    const row = topic.value.decode(value) as { created: number };
    row.created = Math.min(row.created, at);
    buffer.put(key, topic.value.encode(row as never), at);
  }
}

/** What is past its retention by the wall clock is deleted by the brokers within minutes, unread or not. */
function refuseExpired(
  { firstTs }: SortedInput,
  { expiresByWallClock, topics, clock }: PublishOptions,
): void {
  const { cleanup } = topics.interactions;
  if (firstTs === null || !expiresByWallClock || !isExpired(cleanup, firstTs, clock.now())) return;
  throw new ConfigurationError(
    'MR_IMPORT_EXPIRES',
    `The events begin on ${day(firstTs)}, and the brokers keep topic interactions for ${Math.round(cleanup.retentionMs / DAY_MS)} days by their clock: they would delete the events.`,
    {
      hint: 'Add ?retention=none to the address of the log, and a prefix that has no topics yet, such as kafka://host:9092?retention=none&prefix=imported-.',
    },
  );
}

/** Admission would refuse as too late what lies further before the newest event than ids are remembered. */
async function refuseTooOld(
  { next }: RunMerge,
  { firstTs }: SortedInput,
  { log, topics, dedupHorizonMs }: PublishOptions,
): Promise<void> {
  if (next === undefined || firstTs === null) return;
  const { name } = topics.interactions;
  // No event that is left is earlier.
  const begins = Math.max(next.time, firstTs);
  const from = begins + dedupHorizonMs + 1;
  const [description] = await log.describeTopics([name]);
  for (const [partition, { stable }] of (description?.offsets ?? []).entries()) {
    if ((await log.offsetForTimestamp({ topic: name, partition }, from)) >= stable) continue;
    throw new InputError(
      'MR_IMPORT_TOO_OLD',
      `The events begin on ${day(begins)}, and the log has events from after ${day(from)}: they would all be too late.`,
      { hint: 'Import into a separate data directory: --data DIR.' },
    );
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
