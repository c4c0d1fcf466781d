/** Files that are written once, and those of SQLite: each kind held against what says how it was written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { localArtifacts } from '#models';
import { openOffline, readSnapshots } from '#offline';
import { integrityProblem, MillraceError } from '#platform';
import { verifySnapshotFiles } from '#trainer';
import type { Installation } from './installation.ts';

export type VerifiedFiles = {
  /** What the files are. */
  readonly task: string;
  readonly result: 'equal' | 'different';
  readonly files: number;
  /** What is wrong with each damaged one. */
  readonly detail: string;
};

/**
 * The files of the archive, of snapshots and of versions against their SHA-256, and the log's own file where it lies in the
 * data directory. Those that are not here are none: another directory may have them, and retention removes them.
 */
export async function* verifiedFiles(
  installation: Installation,
  signal: AbortSignal,
): AsyncGenerator<VerifiedFiles> {
  const { configuration, embedded } = installation;
  const dataDirectory = configuration.data;
  if (embedded !== undefined) {
    const problem = integrityProblem(join(dataDirectory, 'log.sqlite'));
    yield { task: 'log.sqlite', ...outcome(1, problem === undefined ? [] : [problem]) };
  }
  const store = await openOffline({ ...installation, dataDirectory });
  const archived = existsSync(join(dataDirectory, 'offline')) ? store.allFiles() : [];
  yield await checked('archive', archived, signal, (file) => store.verify([file]));
  const snapshots = (await readSnapshots(installation)).map((snapshot) => ({
    snapshot,
    directory: join(dataDirectory, snapshot.directory),
  }));
  const kept = snapshots.filter(({ directory }) => existsSync(directory));
  yield await checked('snapshots', kept, signal, ({ snapshot, directory }) =>
    verifySnapshotFiles(directory, snapshot),
  );
  const versions = localArtifacts(join(dataDirectory, 'versions'));
  const whole = (await versions.list()).filter((version) =>
    existsSync(join(dataDirectory, 'versions', version)),
  );
  yield await checked('versions', whole, signal, (version) => versions.open(version));
}

async function checked<T>(
  task: string,
  all: readonly T[],
  signal: AbortSignal,
  verify: (each: T) => Promise<unknown>,
): Promise<VerifiedFiles> {
  const problems: string[] = [];
  for (const each of all) {
    signal.throwIfAborted();
    try {
      await verify(each);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      problems.push(error.message);
    }
  }
  return { task, ...outcome(all.length, problems) };
}

function outcome(files: number, problems: readonly string[]): Omit<VerifiedFiles, 'task'> {
  return { result: problems.length === 0 ? 'equal' : 'different', files, detail: problems.join(' ') };
}
