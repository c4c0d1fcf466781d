import type { Log } from '#log';
import { failpoint } from '#platform';
import { deleteIfThere } from '../topology/generations/idle-group.ts';
import { type GenerationName, manifestTopic, readManifest } from '../topology/generations/manifest.ts';
import { journalTopic } from './commit/journal.ts';

/** The generations of a topology that have state in the log, ascending. */
export async function acceptedGenerations(log: Log, name: string): Promise<number[]> {
  const accepted: number[] = [];
  for (const topic of await log.describeTopics()) {
    const generation = Number(/-(\d+)-manifest$/.exec(topic.name)?.[1]);
    if (topic.name !== manifestTopic({ name, generation }).name) continue;
    // The topic is created before the first start, or a carry-over, has succeeded.
    if ((await readManifest(log, { name, generation })) !== undefined) accepted.push(generation);
  }
  return accepted.sort((a, b) => a - b);
}

/** Deletes a generation's own topics, its manifest last: until then the next start finds what is left to delete. */
export async function removeGeneration(log: Log, earlier: GenerationName): Promise<void> {
  const manifest = await readManifest(log, earlier);
  if (manifest === undefined) return;
  const own = manifest.stores.filter(({ isOwn }) => isOwn).map(({ changelog }) => changelog);
  const repartitions = manifest.repartitions.map(({ topic }) => topic);
  const last = [journalTopic(earlier).name, manifestTopic(earlier).name];
  for (const topic of new Set([...own, ...repartitions, ...last])) {
    await deleteIfThere(log, topic);
    failpoint('carry-over.removed');
  }
}
