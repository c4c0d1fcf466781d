import { currentRecords } from '#engine';
import type { Log } from '#log';
import type { Answer, Candidate, Snapshot } from '#schemas';
import type { Topics } from '#topologies';

/** What a version was made from. */
export type VersionLineage = Pick<Candidate, 'version' | 'role' | 'model' | 'run_id' | 'directory'> & {
  /** Null for one that was trained elsewhere. */
  readonly snapshot_id: string | null;
  /** Null where it was retired, or is none of this log. */
  readonly snapshot: Pick<Snapshot, 'ts' | 'watermark' | 'offsets' | 'views'> | null;
};

/**
 * The versions that an answer names, the one that found items first, with the offsets of the log that their snapshots were
 * taken from. A version that topic `versions` does not have is left out.
 */
export async function lineageOf(
  { log, topics }: { readonly log: Log; readonly topics: Pick<Topics, 'versions' | 'snapshots'> },
  { version, ranker }: Pick<Answer, 'version' | 'ranker'>,
): Promise<readonly VersionLineage[]> {
  const named = [version, ranker].filter((each) => each !== null);
  if (named.length === 0) return [];
  const versions = await currentRecords(log, topics.versions, 'by-newest');
  const snapshots = await currentRecords(log, topics.snapshots, 'by-newest');
  return named.flatMap((id) => {
    const candidate = versions.get(id)?.value.candidate;
    if (candidate === undefined) return [];
    const { snapshot_id, role, model, run_id, directory } = candidate;
    const snapshot = snapshots.get(snapshot_id)?.value;
    const taken = snapshot && {
      ts: snapshot.ts,
      watermark: snapshot.watermark,
      offsets: snapshot.offsets,
      views: snapshot.views,
    };
    const lineage = { version: id, role, model, run_id, directory, snapshot_id: snapshot_id || null };
    return [{ ...lineage, snapshot: taken ?? null }];
  });
}
