import { currentRecords } from '#engine';
import { artifactsIn, INDEXES_DIRECTORY } from '#models';
import { readRegistry } from '#offline';
import { versionInForce } from '#processors';
import type { TrainerOptions } from '../trainer-options.ts';

/** For how long an index is kept that nothing names, by a responder that may be reading it. */
const KEPT_MS = 3_600_000;

/** Whether vectors of the version in force have come since its index was built. */
export async function isIndexStale(options: Pick<TrainerOptions, 'log' | 'topics'>): Promise<boolean> {
  const { log, topics } = options;
  const inForce = versionInForce(await readRegistry(options), 'retrieval')?.version;
  if (inForce === undefined) return false;
  const builds = await currentRecords(log, topics.indexes, 'by-newest');
  const [vectors] = await log.describeTopics([topics['item-vectors'].name]);
  const { start = 0, stable = 0 } = vectors?.offsets[0] ?? {};
  return stable > Math.max(start, builds.get(inForce)?.value.vectors_offset ?? 0);
}

/** Removes the files of indexes that another has replaced, and of versions that nothing returns to. */
export async function removeOldIndexes(options: TrainerOptions): Promise<void> {
  const { log, topics, clock } = options;
  const { promotions } = await readRegistry(options);
  const builds = [...(await currentRecords(log, topics.indexes, 'by-newest')).values()];
  const inUse = builds.filter(({ value }) => promotions.retrieval.includes(value.version));
  const kept = new Set(inUse.map(({ value }) => value.index));
  const store = artifactsIn(options, INDEXES_DIRECTORY);
  for (const index of await store.list()) {
    const isOld = (await store.stat(index)).writtenMs < clock.now() - KEPT_MS;
    if (isOld && !kept.has(index)) await store.remove(index);
  }
}
