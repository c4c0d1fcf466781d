/** How many rows of stores a start makes, and how many there are: by the changelogs, which have a record a row and more. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StartPlan, Topology } from '#engine';
import type { Log, TopicDescription } from '#log';

export type RowCounts = {
  /** Rows of stores that this machine lacks, which are restored. */
  readonly toRestore: number;
  /** Rows that stores had which are built anew from their inputs. */
  readonly toRebuild: number;
  /** Rows of stores on this machine. */
  readonly here: number;
};

export async function countRows(
  log: Pick<Log, 'describeTopics'>,
  topology: Topology,
  { stores: fates }: Pick<StartPlan, 'stores'>,
  stateDirectory: string,
): Promise<RowCounts> {
  const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
  const rebuilt = new Set(fates.flatMap(({ store, fate }) => (fate === 'rebuilt' ? [store] : [])));
  const counts = { toRestore: 0, toRebuild: 0, here: 0 };
  for (const { name, stores, partitions } of topology.subTopologies) {
    for (let partition = 0; partition < partitions; partition++) {
      const isHere = existsSync(join(stateDirectory, `${name}-${partition}`));
      for (const { name: store, changelog } of stores) {
        const rows = recordsOf(existing.get(changelog), partition);
        if (isHere) counts.here += rows;
        if (rebuilt.has(store)) counts.toRebuild += rows;
        else if (!isHere) counts.toRestore += rows;
      }
    }
  }
  return counts;
}

function recordsOf(topic: TopicDescription | undefined, partition: number): number {
  const { start = 0, end = 0 } = topic?.offsets[partition] ?? {};
  return end - start;
}
