import type { Log } from '#log';
import { ARCHIVE_GROUP } from '#offline';
import { topics } from '#schemas';
import { LOOP_GENERATION } from '#topologies';

export type TopicLag = { readonly topic: string; readonly lag: number };

/** The loop topology's consumer group. */
export const LOOP_GROUP = `loop-${LOOP_GENERATION}`;

/** Up to which offset the loop topology has processed each partition of `interactions`. */
export async function processedInteractions(log: Log): Promise<readonly number[]> {
  const { name, partitions } = topics.interactions;
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }));
  return (await log.committedOffsets(LOOP_GROUP, places)).map((each) => each?.offset ?? 0);
}

/** The consumer groups of the product. */
export const GROUPS: readonly string[] = [LOOP_GROUP, 'trainer', ARCHIVE_GROUP];

/** The lag of the loop topology by what it has committed, for the topics of which it has committed anything. */
export async function loopLag(log: Log): Promise<readonly TopicLag[]> {
  const lags: TopicLag[] = [];
  for (const { name, offsets } of await log.describeTopics()) {
    const places = offsets.map((_, partition) => ({ topic: name, partition }));
    const committed = await log.committedOffsets(LOOP_GROUP, places);
    if (committed.every((each) => each === undefined)) continue;
    const behind = offsets.map(({ stable, start }, p) =>
      Math.max(0, stable - (committed[p]?.offset ?? start)),
    );
    lags.push({ topic: name, lag: behind.reduce((sum, each) => sum + each, 0) });
  }
  return lags;
}
