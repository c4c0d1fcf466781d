import { decodeLoading } from '#engine';
import { type Log, partitionFor, type RecordBatch } from '#log';
import type { Clock } from '#platform';
import type { Answer } from '#schemas';
import type { Topics } from '#topologies';
import { timeOfRequestId } from './request-time.ts';

const HOUR_MS = 3_600_000;
/** An answer comes a deadline after its id at most, and clocks of responders differ by seconds. */
const BEFORE_ID_MS = 5_000;
const AFTER_ID_MS = 30_000;
/** On both sides of a time that a client names. */
const AROUND_MS = 60_000;
/** How far back an id is looked for that says nothing of its time. */
const NEWEST_MS = 24 * HOUR_MS;
/** Records of one search, over all partitions: some seconds of reading. */
const MOST_RECORDS = 400_000;
const POLL_MS = 1_000;

type Environment = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'answers'>;
  readonly clock: Clock;
};

/** An answer by its id, and what is known of where it is. */
export type AnswerQuery = {
  readonly requestId: string;
  /** About when it was given, ms since the epoch. */
  readonly ts?: number | undefined;
  /** The partitions of this user alone, as the log names them; null for one without a name there. Absent: of all. */
  readonly user?: string | null | undefined;
};

/** What a search has read. */
export type Searched = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly records: number;
  readonly partitions: number;
  /** Whether it read all that is between these times: there may be more than a search reads. */
  readonly isComplete: boolean;
};

export type LoggedAnswer = {
  readonly answer: Answer;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
};

/** Records from one offset up to, not including, another. */
type Range = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly end: number;
};

type Window = { readonly fromMs: number; readonly toMs: number };

/**
 * Looks an answer up on its topic, which any responder can: around the time that its id tells, or the one that is named, else
 * among those of the last 24 hours. Where a client has given an id twice, the newest answer counts. Undefined where there is
 * none among what was searched.
 */
export async function findAnswer(
  environment: Environment,
  query: AnswerQuery,
): Promise<{ readonly found: LoggedAnswer | undefined; readonly searched: Searched }> {
  const window = windowOf(query, environment.clock.now());
  const { ranges, isComplete } = await rangesOf(environment, query, window);
  const records = ranges.reduce((sum, { offset, end }) => sum + end - offset, 0);
  const searched = { ...window, records, partitions: ranges.length, isComplete };
  const needle = Buffer.from(query.requestId);
  const { answers } = environment.topics;
  let found: LoggedAnswer | undefined;
  await eachBatch(environment.log, ranges, async (batch, end) => {
    for (let i = 0; i < batch.count && batch.offset(i) < end; i++) {
      // Most are told apart without decoding them.
      const holdsId = batch.readValue(i, (bytes, from, to) => bytes.subarray(from, to).includes(needle));
      if (holdsId !== true) continue;
      const answer = await decodeLoading(answers.value, batch.value(i) as Buffer);
      if (answer.request_id !== query.requestId || answer.ts < (found?.answer.ts ?? 0)) continue;
      const { topic, partition } = batch;
      found = { answer, topic, partition, offset: batch.offset(i) };
    }
  });
  return { found, searched };
}

function windowOf({ requestId, ts }: AnswerQuery, now: number): Window {
  if (ts !== undefined) return { fromMs: ts - AROUND_MS, toMs: ts + AROUND_MS };
  const given = timeOfRequestId(requestId);
  if (given !== undefined) return { fromMs: given - BEFORE_ID_MS, toMs: given + AFTER_ID_MS };
  return { fromMs: now - NEWEST_MS, toMs: now + AROUND_MS };
}

/** Where there are too many records, the newest are read. */
async function rangesOf(
  { log, topics: { answers } }: Environment,
  { requestId, user }: AnswerQuery,
  { fromMs, toMs }: Window,
): Promise<{ readonly ranges: readonly Range[]; readonly isComplete: boolean }> {
  const [description] = await log.describeTopics([answers.name]);
  const offsets = description?.offsets ?? [];
  const all = offsets.map((_, partition) => partition);
  // Answers to nobody in particular are kept by their id.
  const keys = [requestId, ...(typeof user === 'string' ? [user] : [])];
  const partitions =
    user === undefined ? all : [...new Set(keys.map((key) => partitionFor(key, offsets.length)))];
  const share = Math.ceil(MOST_RECORDS / Math.max(1, partitions.length));
  let isComplete = true;
  const ranges = await Promise.all(
    partitions.map(async (partition): Promise<Range> => {
      const at = { topic: answers.name, partition };
      const { start, stable } = offsets[partition] as (typeof offsets)[number];
      const [first, last] = await Promise.all([
        log.offsetForTimestamp(at, fromMs),
        log.offsetForTimestamp(at, toMs),
      ]);
      const end = Math.min(last, stable);
      const offset = Math.max(first, end - share, start);
      if (offset > Math.max(first, start) && offset < end) isComplete = false;
      return { ...at, offset, end };
    }),
  );
  return { ranges: ranges.filter(({ offset, end }) => offset < end), isComplete };
}

async function eachBatch(
  log: Log,
  ranges: readonly Range[],
  visit: (batch: RecordBatch, end: number) => Promise<void>,
): Promise<void> {
  if (ranges.length === 0) return;
  const consumer = await log.consumer();
  try {
    consumer.assign(ranges);
    const left = new Map(ranges.map((range) => [range.partition, range]));
    while (left.size > 0) {
      const batches = await consumer.poll(POLL_MS);
      for (const batch of batches) {
        const range = left.get(batch.partition);
        if (range !== undefined) await visit(batch, range.end);
        batch.free();
      }
      const done = [...left.values()].filter((range) => (consumer.position(range) ?? 0) >= range.end);
      for (const { partition } of done) left.delete(partition);
      consumer.pause(done);
      // What is left was deleted meanwhile.
      if (batches.length === 0 && done.length === 0) return;
    }
  } finally {
    await consumer.close();
  }
}
