/** Files that are written once, and those of SQLite: each kind held against what says how it was written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { INDEXES_DIRECTORY, localArtifacts, VERSIONS_DIRECTORY } from '#models';
import { openOffline, readSnapshots } from '#offline';
import { integrityProblem, MillraceError } from '#platform';
import { verifySnapshotFiles } from '#trainer';
import type { Installation } from '../installation.ts';
import { type Finding, type Sample, sampled } from './finding.ts';

/**
 * The files of the archive, of snapshots, versions and built indexes against their SHA-256, and the log's own file, its pages and the
 * checksum of each batch, where it lies in the data directory. Those that are not here are none: another directory may have them, and retention removes them.
 */
export async function* verifiedFiles(
  installation: Installation,
  sample: Sample,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { configuration, embedded } = installation;
  const dataDirectory = configuration.data;
  if (embedded !== undefined) {
    // A pass over all pages is no sample.
    const problem = sample.share < 1 ? undefined : integrityProblem(join(dataDirectory, 'log.sqlite'));
    const { batches, problems } = await embedded.check({ ...(sample.share < 1 && { sample }), signal });
    const all = problem === undefined ? problems : [problem, ...problems];
    yield { task: 'log.sqlite', ...outcome(1, all), batches };
  }
  const store = await openOffline({ ...installation, dataDirectory });
  const archived = existsSync(join(dataDirectory, 'offline')) ? store.allFiles() : [];
  yield await checked('archive', archived, { sample, signal }, (file) => store.verify([file]));
  const snapshots = (await readSnapshots(installation)).map((snapshot) => ({
    snapshot,
    directory: join(dataDirectory, snapshot.directory),
  }));
  const kept = snapshots.filter(({ directory }) => existsSync(directory));
  yield await checked('snapshots', kept, { sample, signal }, ({ snapshot, directory }) =>
    verifySnapshotFiles(directory, snapshot),
  );
  for (const task of [VERSIONS_DIRECTORY, INDEXES_DIRECTORY]) {
    const artifacts = localArtifacts(join(dataDirectory, task));
    const whole = (await artifacts.list()).filter((name) => existsSync(join(dataDirectory, task, name)));
    yield await checked(task, whole, { sample, signal }, (name) => artifacts.open(name));
  }
}

async function checked<T>(
  task: string,
  all: readonly T[],
  { sample, signal }: { readonly sample: Sample; readonly signal: AbortSignal },
  verify: (each: T) => Promise<unknown>,
): Promise<Finding> {
  const problems: string[] = [];
  const chosen = sampled(all, sample);
  for (const each of chosen) {
    signal.throwIfAborted();
    try {
      await verify(each);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      problems.push(error.message);
    }
  }
  return { task, ...outcome(chosen.length, problems) };
}

function outcome(files: number, problems: readonly string[]): Pick<Finding, 'result' | 'files' | 'detail'> {
  return { result: problems.length === 0 ? 'equal' : 'different', files, detail: problems.join(' ') };
}
