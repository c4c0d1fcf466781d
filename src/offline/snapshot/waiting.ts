/** Examples that still wait for what comes of them when nothing more comes: labelled by what is known. */
import { writerSchemaId } from '#avro';
import { readableRecords, type Topic, TopicReader } from '#engine';
import { worldNow } from '#features';
import { partitionFor, type SchemaRegistry } from '#log';
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
  const values = await internalValues(options.registry, LOOP_GENERATION);
  const { watermark, examples } = await readWaiting(
    source,
    labelledTo - options.outcomeWindowMs,
    values['unlabelled-example'],
  );
  if (!(await hasEnded(source, watermark))) return undefined;
  if (examples.length === 0) return { watermark, records: [] };
  const firstMs = Math.min(...examples.map(({ waiting }) => waiting.own_ts));
  const known = {
    ranks: await ranksFrom(source, firstMs - options.rankTtlMs),
    answers: examples.some(({ waiting }) => waiting.request_id !== null) ? await answersOf(source) : [],
    outcomes: await outcomesFrom(source, firstMs),
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

/** Whether no more is to come for now: everything is processed, and time stands still. */
async function hasEnded({ log, topics, clock }: Source, watermark: number): Promise<boolean> {
  if (!Number.isFinite(watermark) || worldNow({ watermark, wallNow: clock.now() }) !== watermark)
    return false;
  const { name } = topics.interactions;
  const [description] = await log.describeTopics([name]);
  for (const [partition, { stable }] of (description?.offsets ?? []).entries()) {
    if ((await log.offsetForTimestamp({ topic: name, partition }, watermark)) < stable) return false;
  }
  return true;
}

type Waiting = { readonly watermark: number; readonly examples: readonly WaitingExample[] };

/** In the order of time, with the watermark up to which examples have come to wait. */
async function readWaiting(
  { log, topics }: Source,
  fromMs: number,
  value: Topic<string, WaitingExample['waiting']>['value'],
): Promise<Waiting> {
  const topic = { ...topics.examples, name: EXAMPLE_PATH.at(-1) as string, value };
  const read: WaitingExample[] = [];
  let reader: TopicReader<string, WaitingExample['waiting']>;
  try {
    reader = await TopicReader.open(log, topic, { from: 'start', onUndecodable: () => {} });
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    // Nothing was processed yet.
    return { watermark: Number.NEGATIVE_INFINITY, examples: [] };
  }
  try {
    for await (const records of reader.untilEnd()) {
      for (const { key, value } of records) if (value !== null) read.push({ user: key, waiting: value });
    }
    const watermark = Math.min(...reader.watermarks);
    const examples = read.filter(({ waiting }) => waiting.ts >= fromMs);
    return { watermark, examples: examples.sort((a, b) => a.waiting.ts - b.waiting.ts) };
  } finally {
    await reader.close();
  }
}

async function ranksFrom({ log, topics }: Source, fromMs: number): Promise<readonly PopularityRanks[]> {
  const ranks: PopularityRanks[] = [];
  const options = { from: 'start', onUndecodable: () => {} } as const;
  for await (const records of readableRecords(log, topics['popularity-ranks'], options)) {
    for (const { value } of records) if (value !== null && decodeRanks(value).ts >= fromMs) ranks.push(value);
  }
  return ranks;
}

async function answersOf({ log, topics }: Source): Promise<readonly { user: string; answer: Answer }[]> {
  const answers: { user: string; answer: Answer }[] = [];
  const options = { from: 'start', onUndecodable: () => {} } as const;
  for await (const records of readableRecords(log, topics.answers, options)) {
    for (const { value } of records)
      if (value !== null) answers.push({ user: value.user_id ?? '', answer: value });
  }
  return answers;
}

async function outcomesFrom(
  { log, topics }: Source,
  fromMs: number,
): Promise<readonly { user: string; outcome: Outcome }[]> {
  const topic = topics['interactions-accepted'];
  const from = await Promise.all(
    Array.from({ length: topic.partitions }, (_, partition) =>
      log.offsetForTimestamp({ topic: topic.name, partition }, Math.max(0, fromMs)),
    ),
  );
  const outcomes: { user: string; outcome: Outcome }[] = [];
  for await (const records of readableRecords(log, topic, { from, onUndecodable: () => {} })) {
    for (const { key, value } of records) {
      if (value !== null && startsExample(value)) outcomes.push({ user: key, outcome: outcomeOf(value) });
    }
  }
  return outcomes;
}
