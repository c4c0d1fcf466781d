import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryView } from '#processors';
import type { Snapshot } from '#schemas';

/**
 * The snapshots of which the files may go: all but the newest `keep`, those that the version in force and the one that a
 * rollback returns to were trained on, from which a refresh tells what is new, and the newest that is not suspect, which
 * later ones are compared with. `snapshots` are in order of their events.
 */
export function removableSnapshots(
  snapshots: readonly Snapshot[],
  { versions, promotions }: RegistryView,
  keep: number,
): readonly Snapshot[] {
  const inForce = promotions.retrieval.slice(-2);
  const inUse = versions
    .filter(({ version }) => inForce.includes(version))
    .map(({ latest }) => latest.candidate.snapshot_id);
  const trusted = snapshots.findLast(({ suspect }) => suspect.length === 0)?.snapshot_id;
  const newest = snapshots.slice(-keep).map(({ snapshot_id }) => snapshot_id);
  const kept = new Set([...newest, ...inUse, trusted]);
  return snapshots.filter(({ snapshot_id }) => !kept.has(snapshot_id));
}

/** Removes the files of snapshots; their events stay, and say what versions were trained on. */
export async function removeSnapshots(dataDirectory: string, snapshots: readonly Snapshot[]): Promise<void> {
  for (const { directory } of snapshots) {
    await rm(join(dataDirectory, directory), { recursive: true, force: true });
  }
}
