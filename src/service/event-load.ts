/** Writing a long run of events that can be cut off at any moment and gone on with. */

import { setImmediate } from 'node:timers/promises';
import { readableRecords, TopicWriter } from '#engine';
import { partitionFor } from '#log';
import { failpoint, type ProgressStep } from '#platform';
import type { Interaction } from '#schemas';
import type { Installation } from './installation.ts';
import { throwIfInterrupted } from './interruption.ts';

/** Whether the log has the event already; called once for each event of a run, in its order. */
export type AlreadyWritten = (event: Interaction) => boolean;

export type LoadOptions = {
  readonly events: AsyncIterable<Interaction>;
  readonly alreadyWritten: AlreadyWritten;
  /** No event follows with a time before this, ms: so that time stands there when the run is over. */
  readonly completeUntil: (lastTs: number) => number;
  readonly step: ProgressStep;
  readonly signal: AbortSignal;
};

const CHUNK = 5000;

/** Writes what the log does not have yet; the next chunk is made while one is being written. */
export async function loadEvents(
  { log, topics }: Installation,
  { events, alreadyWritten, completeUntil, step, signal }: LoadOptions,
): Promise<{ readonly written: number; readonly present: number }> {
  const writer = await TopicWriter.open(log, topics.interactions);
  const counts = { written: 0, present: 0 };
  let lastTs = 0;
  let chunk: Interaction[] = [];
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    await writing;
    // Making events holds the thread: Ctrl-C is noticed in a turn of the event loop.
    await setImmediate();
    throwIfInterrupted(signal);
    failpoint('load.write');
    counts.written += chunk.length;
    step.update(counts.written + counts.present);
    writing = writer.write(chunk.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
    // It is waited for before the next one; until then its failure is nobody's.
    writing.catch(() => {});
    chunk = [];
  };
  try {
    for await (const event of events) {
      lastTs = Math.max(lastTs, event.ts);
      if (alreadyWritten(event)) counts.present++;
      else chunk.push(event);
      if (chunk.length === CHUNK) await flush();
    }
    await flush();
    await writing;
    await writer.announce(completeUntil(lastTs));
    return counts;
  } finally {
    await writing.catch(() => {});
    await writer.close();
  }
}

/**
 * Recognises the part of a run that is in the log by the last event of each partition. For runs whose order never
 * changes, of any length. `isOfRun` tells the run's events from others on the topic.
 */
export async function writtenUpToLast(
  installation: Installation,
  isOfRun: (event: Interaction) => boolean,
): Promise<AlreadyWritten> {
  const { partitions } = installation.topics.interactions;
  const last: (string | undefined)[] = Array.from({ length: partitions });
  for await (const { partition, event } of eventsOnTopic(installation)) {
    if (isOfRun(event)) last[partition] = event.event_id;
  }
  return ({ event_id, user_id }) => {
    const partition = partitionFor(Buffer.from(user_id), partitions);
    if (last[partition] === undefined) return false;
    if (last[partition] === event_id) last[partition] = undefined;
    return true;
  };
}

/** Every event on the topic, in the order of each partition. */
async function* eventsOnTopic({
  log,
  topics,
}: Installation): AsyncGenerator<{ partition: number; event: Interaction }> {
  const options = { from: 'start', onUndecodable: () => {} } as const;
  for await (const records of readableRecords(log, topics.interactions, options)) {
    for (const { partition, value } of records) if (value !== null) yield { partition, event: value };
  }
}
