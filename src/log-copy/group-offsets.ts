import { idleMember, type TopicDescription } from '#log';
import type { MovedLog } from './moved-log.ts';
import type { CopySide } from './partition-digest.ts';

export type GroupMove = {
  readonly from: CopySide;
  readonly to: CopySide;
  readonly topics: readonly TopicDescription[];
  readonly moved: MovedLog;
};

/**
 * Commits for a group on the target where it stands on the source: after the same record. Errors: MR_LOG_GENERATION
 * where the group has members on the target.
 */
export async function moveGroup(group: string, { from, to, topics, moved }: GroupMove): Promise<void> {
  for (const { name, offsets } of topics) {
    const places = offsets.map((_, partition) => ({ topic: name, partition }));
    for (const commit of await from.log.committedOffsets(group, places)) {
      const there = commit && (await moved.offsetsOf(commit));
      if (commit === undefined || there === undefined) continue;
      const offset = there.position(commit.offset);
      await to.log.commitOffsets(idleMember(group), [{ ...commit, offset }]);
    }
  }
}
