/** What the commands that judge versions share. */
import { readSnapshots } from '#offline';
import { InputError } from '#platform';
import type { Snapshot } from '#schemas';
import { type Installation, snapshotModules } from '#service';
import { type JudgedVersion, type Judgements, judgeVersion } from '#trainer';

/** The newest snapshot whose id begins so, or of all. Errors: InputError MR_SNAPSHOT_UNKNOWN. */
export async function snapshotNamed(installation: Installation, id = ''): Promise<Snapshot> {
  const snapshots = await readSnapshots(installation);
  const found = snapshots.findLast(({ snapshot_id }) => snapshot_id.startsWith(id));
  if (found !== undefined) return found;
  throw new InputError(
    'MR_SNAPSHOT_UNKNOWN',
    `There is no snapshot${id === '' ? '' : ` ${id}`} to judge by.`,
    {
      hint: 'Take one: "millrace snapshot"; "millrace snapshot --last" shows the newest.',
    },
  );
}

/** On the held-out part of a snapshot, which is brought here from an object store. Errors: those of judgeVersion. */
export async function judgedOn(
  snapshot: Snapshot,
  version: JudgedVersion,
  { configuration, files }: Installation,
): Promise<Judgements> {
  await files?.bring(snapshot.directory);
  const modules = await snapshotModules(configuration);
  return judgeVersion(version, snapshot, { dataDirectory: configuration.data, modules });
}
