/** Examples that still wait for what comes of them when nothing more comes: labelled by what is known. */
import { writerSchemaId } from '#avro';
import { readableRecords, type Topic, TopicReader } from '#engine';
import { crossKey, worldNow } from '#features';
import { type Log, partitionFor, type SchemaRegistry } from '#log';
import { errorCode } from '#platform';
import {
  decodeRanks,
  labelledByNow,
  labelledExamples,
  type OutcomeOptions,
  outcomeOf,
  startsExample,
  type WaitingExample,
} from '#processors';
import type { Answer, Example, Outcome, PopularityRanks } from '#schemas';
import { EXAMPLE_PATH, internalValues, LOOP_GENERATION } from '#topologies';
import type { ArchiveEnvironment } from '../archive-writer.ts';
import type { StagedRecord } from './staged-table.ts';

export type WaitingOptions = OutcomeOptions & { readonly registry: SchemaRegistry };

type Source = Pick<ArchiveEnvironment, 'log' | 'topics' | 'clock' | 'logger'>;

export type Completed = {
  /** Every event before it has its example, here or in `examples`. */
  readonly watermark: number;
  readonly records: readonly StagedRecord<Example>[];
};

/**
 * The examples that wait for outcomes, as records of topic `examples` from offsets `ends` on. Undefined while more may
 * come: in a live world, and while events are still to be processed. Their labels are those that they would get if
 * nothing else came. They go on waiting, and come to `examples`, whose watermark is `watermark` now, when later events have moved the time: so neither an
 * import nor a training has to move it. Some may be in `examples` by now.
 */
export async function waitingExamples(
  source: Source,
  options: WaitingOptions,
  { ends, watermark: labelledTo }: { readonly ends: readonly number[]; readonly watermark: number },
): Promise<Completed | undefined> {
  const { topics, logger } = source;
  // The watermark of what waits is not lower: in a live world nothing has to be read.
  if (isLive(source, labelledTo)) return undefined;
  const values = await internalValues(options.registry, LOOP_GENERATION);
  const topic = {
    ...topics.examples,
    name: EXAMPLE_PATH.at(-1) as string,
    value: values['unlabelled-example'],
  };
  const { watermark, examples } = await readWaiting(source, topic, options, labelledTo);
  if (!(await hasEnded(source, watermark))) return undefined;
  if (examples.length === 0) return { watermark, records: [] };
  const firstMs = (examples[0] as WaitingExample).waiting.ts;
  const firstOwnMs = examples.reduce((least, { waiting }) => Math.min(least, waiting.own_ts), firstMs);
  const known = {
    ranks: await ranksFrom(source, firstMs - options.rankTtlMs),
    answers: await answersTo(source, examples, firstMs - options.outcomeWindowMs - options.dedupHorizonMs),
    outcomes: await outcomesFrom(source, firstOwnMs),
  };
  const stores = {
    recent: values['recent-outcomes'],
    served: values['served-items'],
    ranks: values['ranks-in-force'],
  };
  const { partitions, value } = topics.examples;
  logger.info({ examples: examples.length }, 'examples that wait for outcomes are labelled by those known');
  const next = Array.from({ length: partitions }, (_, partition) => ends[partition] ?? 0);
  const records = labelledByNow(options, stores, known, examples).map((labelled) => {
    const bytes = labelledExamples(value, writerSchemaId(labelled.head)).encode(labelled);
    const example = value.decode(bytes);
    const partition = partitionFor(Buffer.from(example.user_id), partitions);
    const offset = next[partition] as number;
    next[partition] = offset + 1;
    return { partition, offset, key: example.user_id, value: example, timestamp: example.ts };
  });
  return { watermark, records };
}

function isLive({ clock }: Source, watermark: number): boolean {
  return Number.isFinite(watermark) && worldNow({ watermark, wallNow: clock.now() }) !== watermark;
}

/** Whether no more is to come for now: everything is processed, and time stands still. */
async function hasEnded(source: Source, watermark: number): Promise<boolean> {
  const { log, topics } = source;
  if (!Number.isFinite(watermark) || isLive(source, watermark)) return false;
  const { name } = topics.interactions;
  const [description] = await log.describeTopics([name]);
  for (const [partition, { stable }] of (description?.offsets ?? []).entries()) {
    if ((await log.offsetForTimestamp({ topic: name, partition }, watermark)) < stable) return false;
  }
  return true;
}

type Waiting = { readonly watermark: number; readonly examples: readonly WaitingExample[] };

/** In the order of time, with the watermark up to which examples have come to wait; -Infinity before the first. */
async function readWaiting(
  { log }: Source,
  topic: Topic<string, WaitingExample['waiting']>,
  { outcomeWindowMs }: WaitingOptions,
  labelledTo: number,
): Promise<Waiting> {
  const read = async (from: 'start' | readonly number[]): Promise<Waiting> => {
    const examples: WaitingExample[] = [];
    const reader = await TopicReader.open(log, topic, { from, onUndecodable: () => {} });
    try {
      for await (const records of reader.untilEnd()) {
        for (const { key, value } of records)
          if (value !== null && value.ts >= labelledTo - outcomeWindowMs)
            examples.push({ user: key, waiting: value });
      }
      const { watermark } = reader;
      return { watermark, examples: examples.sort((a, b) => a.waiting.ts - b.waiting.ts) };
    } finally {
      await reader.close();
    }
  };
  try {
    // The record of an example lies at the end of its window, a heartbeat 1 ms before the watermark that it carries.
    const waiting = await read(await offsetsFrom(log, topic, labelledTo - 1));
    // Some writer's last word lies before them if its time took a leap then.
    return Number.isFinite(waiting.watermark) ? waiting : await read('start');
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    // Nothing was processed yet.
    return { watermark: Number.NEGATIVE_INFINITY, examples: [] };
  }
}

/** The first record of each partition at or after a time: all others lie before it. */
function offsetsFrom(
  log: Log,
  { name, partitions }: { readonly name: string; readonly partitions: number },
  ms: number,
): Promise<readonly number[]> {
  const fromMs = Math.max(0, ms);
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }));
  return Promise.all(places.map((place) => log.offsetForTimestamp(place, fromMs)));
}

async function ranksFrom({ log, topics }: Source, fromMs: number): Promise<readonly PopularityRanks[]> {
  const ranks: PopularityRanks[] = [];
  const options = { from: 'start', onUndecodable: () => {} } as const;
  for await (const records of readableRecords(log, topics['popularity-ranks'], options)) {
    for (const { value } of records) if (value !== null && decodeRanks(value).ts >= fromMs) ranks.push(value);
  }
  return ranks;
}

/** The answers that examples name, in the order of the topic. */
async function answersTo(
  { log, topics }: Source,
  examples: readonly WaitingExample[],
  fromMs: number,
): Promise<readonly { user: string; answer: Answer }[]> {
  const requested = new Set<string>();
  for (const { user, waiting } of examples)
    if (waiting.request_id !== null) requested.add(crossKey(user, waiting.request_id));
  if (requested.size === 0) return [];
  const answers: { user: string; answer: Answer }[] = [];
  const from = await offsetsFrom(log, topics.answers, fromMs);
  for await (const records of readableRecords(log, topics.answers, { from, onUndecodable: () => {} })) {
    for (const { key, value } of records)
      if (value !== null && requested.has(crossKey(key, value.request_id)))
        answers.push({ user: key, answer: value });
  }
  return answers;
}

async function outcomesFrom(
  { log, topics }: Source,
  fromMs: number,
): Promise<readonly { user: string; outcome: Outcome }[]> {
  const topic = topics['interactions-accepted'];
  const from = await offsetsFrom(log, topic, fromMs);
  const outcomes: { user: string; outcome: Outcome }[] = [];
  for await (const records of readableRecords(log, topic, { from, onUndecodable: () => {} })) {
    for (const { key, value } of records) {
      if (value !== null && startsExample(value)) outcomes.push({ user: key, outcome: outcomeOf(value) });
    }
  }
  return outcomes;
}
