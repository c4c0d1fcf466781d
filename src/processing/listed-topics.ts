import type { Cleanup, Log } from '#log';
import { loopLag } from './lag.ts';

export type ListedTopic = {
  readonly topic: string;
  readonly partitions: number;
  /** Offsets from the first to the last readable one; a compacted topic may hold fewer. */
  readonly records: number;
  readonly retention: string;
  /** Records that the processors have not committed yet; null where they do not read the topic. */
  readonly lag: number | null;
};

const DAY_MS = 86_400_000;

/** What is on the log, as lists show it: by name, those of the processors last. */
export async function listedTopics(log: Log): Promise<readonly ListedTopic[]> {
  const lags = new Map((await loopLag(log)).map(({ topic, lag }) => [topic, lag]));
  const topics = (await log.describeTopics()).map(({ name, cleanup, offsets }) => ({
    topic: name,
    partitions: offsets.length,
    records: offsets.reduce((sum, { start, stable }) => sum + stable - start, 0),
    retention: retention(cleanup),
    lag: lags.get(name) ?? null,
  }));
  return topics.sort((a, b) => Number(isInternal(a)) - Number(isInternal(b)) || (a.topic < b.topic ? -1 : 1));
}

function isInternal({ topic }: { topic: string }): boolean {
  return topic.startsWith('loop-');
}

function retention(cleanup: Cleanup): string {
  if (cleanup.policy === 'compact') return 'compacted';
  if (cleanup.retentionMs === null) return 'for ever';
  return `${Math.round(cleanup.retentionMs / DAY_MS)} days`;
}
