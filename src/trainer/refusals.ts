/** What becomes of a command or a snapshot that can't be carried out. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsErasedUser, readVersions, withdrawnSnapshot } from '#offline';
import { FatalError, InputError, MillraceError } from '#platform';
import type { Candidate, Snapshot } from '#schemas';

const REASONS_SHOWN = 3;

/** Whether it is not a run that has failed but the log below it, or a promise of our own: nothing can be recorded then. */
export function isFault(error: unknown): boolean {
  return error instanceof MillraceError && /^MR_(LOG_|INVARIANT)/.test(error.code);
}

export function cancelledRun(why: string): FatalError {
  return new FatalError('MR_RUN_CANCELLED', `The run was cancelled: ${why}.`, {
    hint: 'Nothing was published; train again with: millrace train',
  });
}

export function overdueRun(deadlineMs: number): FatalError {
  const minutes = Number((deadlineMs / 60_000).toFixed(1));
  return new FatalError('MR_RUN_DEADLINE', `The run was not finished after ${minutes} minutes.`, {
    hint: 'Raise training.deadlineMinutes, or train with fewer epochs (training.epochs).',
  });
}

export function abandonedRun(attempts: number): FatalError {
  return new FatalError('MR_RUN_ABANDONED', `The run was started ${attempts} times and never finished.`, {
    hint: 'Find out what ends the process, most likely memory. Then train again with: millrace train',
  });
}

export function suspectSnapshot({ snapshot_id: id, suspect: reasons }: Snapshot): InputError {
  const rest = reasons.length - REASONS_SHOWN;
  const shown = reasons.slice(0, REASONS_SHOWN).join('; ') + (rest > 0 ? ` and ${rest} more` : '');
  return new InputError('MR_SNAPSHOT_SUSPECT', `Snapshot ${id} is suspect: ${shown}.`, {
    hint: 'Look at millrace snapshot --last; if the change is intended, run: millrace train --force',
  });
}

export function retiredSnapshot(id: string): InputError {
  return new InputError('MR_SNAPSHOT_RETIRED', `Snapshot ${id} no longer exists.`, {
    hint: 'Take a new one: run millrace train without naming a snapshot.',
  });
}

/**
 * RetryableError MR_SNAPSHOT_WITHDRAWN where a user of the snapshot was erased while it was trained on, or the version that
 * the run went on from (`base`) was withdrawn; the version goes.
 */
export async function refuseWithdrawn(
  source: Parameters<typeof holdsErasedUser>[0] & Parameters<typeof readVersions>[0],
  snapshot: Snapshot,
  { directory }: Candidate,
  base: string | null,
): Promise<void> {
  const isWithdrawn = (await readVersions(source)).some(
    ({ version, status }) => version === base && status === 'archived',
  );
  if (!isWithdrawn && !(await holdsErasedUser(source, snapshot))) return;
  await source.files?.remove(directory);
  await rm(join(source.dataDirectory, directory), { recursive: true, force: true });
  throw withdrawnSnapshot(snapshot.snapshot_id);
}
