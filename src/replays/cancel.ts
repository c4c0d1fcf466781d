import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '#log';
import { errorCode, lockDirectory } from '#platform';
import { findReplay, replayGroup } from './definition.ts';
import { forgetCopy, requireNotInForce } from './kept.ts';
import { writeAlone } from './replay.ts';

/**
 * Removes a replay: its topics, its offsets and its stores on this machine, the record of it last, so that one that is cut
 * off can be repeated. Errors: MR_REPLAY_UNKNOWN, MR_REPLAY_RUNNING, MR_SWAP_IN_FORCE, MR_DATA_LOCKED.
 */
export async function cancelReplay(log: Log, stateDirectory: string, name: string): Promise<void> {
  const definition = await findReplay(log, name);
  const own = replayGroup(definition);
  const directory = join(stateDirectory, own);
  const lock = lockDirectory(directory, `replay cancel ${name}`);
  try {
    await requireNotInForce(log, name);
    // Fails while an instance runs elsewhere, before anything is deleted.
    await writeAlone(log, definition, definition, await startsOf(log, own));
    for (const topic of await log.describeTopics()) {
      if (topic.name.startsWith(`${own}-`)) await deleteIfThere(log, topic.name);
    }
    await forgetCopy(log, name);
    await writeAlone(log, definition, null, await startsOf(log, own));
  } finally {
    lock.release();
  }
  await rm(directory, { recursive: true, force: true });
}

/** Where the group stands, set back to the start: a replay that is begun again under the name begins there. */
async function startsOf(log: Log, group: string) {
  const starts = [];
  for (const { name: topic, offsets } of await log.describeTopics()) {
    const places = offsets.map((_, partition) => ({ topic, partition }));
    for (const commit of await log.committedOffsets(group, places)) {
      if (commit === undefined) continue;
      const { partition } = commit;
      starts.push({ topic, partition, offset: offsets[partition]?.start ?? 0 });
    }
  }
  return starts;
}

async function deleteIfThere(log: Log, topic: string): Promise<void> {
  try {
    await log.deleteTopics([topic]);
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
  }
}
