/** What becomes of a command or a snapshot that can't be carried out. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Topic, TopicRecord } from '#engine';
import { holdsErasedUser, withdrawnSnapshot } from '#offline';
import { InputError, MillraceError } from '#platform';
import type { Candidate, DeadLetter, Snapshot } from '#schemas';

const reasonsShown = 3;

/** Whether the snapshot or the command is at fault; where the log or the disk fails, a restart may help. */
export function isOfTheInput(error: unknown): error is MillraceError {
  return error instanceof MillraceError && !/^MR_(LOG_|INVARIANT)/.test(error.code);
}

export function suspectSnapshot({ snapshot_id: id, suspect: reasons }: Snapshot): InputError {
  const rest = reasons.length - reasonsShown;
  const shown = reasons.slice(0, reasonsShown).join('; ') + (rest > 0 ? ` and ${rest} more` : '');
  return new InputError('MR_SNAPSHOT_SUSPECT', `Snapshot ${id} is suspect: ${shown}.`, {
    hint: 'Look at millrace snapshot --last; where the change is meant, run: millrace train --force',
  });
}

/** RetryableError MR_SNAPSHOT_WITHDRAWN where a user of the snapshot was erased while it was trained on; the version goes. */
export async function refuseWithdrawn(
  source: Parameters<typeof holdsErasedUser>[0],
  snapshot: Snapshot,
  { directory }: Candidate,
): Promise<void> {
  if (!(await holdsErasedUser(source, snapshot))) return;
  await rm(join(source.dataDirectory, directory), { recursive: true, force: true });
  throw withdrawnSnapshot(snapshot.snapshot_id);
}

export function deadLetterOf<V>(
  topic: Topic<string, V>,
  { partition, offset, key, value, timestamp }: TopicRecord<string, V>,
  { code, message }: MillraceError,
): DeadLetter {
  return {
    topic: topic.name,
    partition,
    offset,
    operator: 'trainer',
    reason: code,
    message,
    timestamp,
    key: Buffer.from(key),
    value: value === null ? null : topic.value.encode(value),
  };
}
