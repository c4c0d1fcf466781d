import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { currentRecords, writeRecords } from '#engine';
import { VERSIONS_DIRECTORY } from '#models';
import { readSnapshots, readVersions, rowsOfUser } from '#offline';
import { errorCode, namesIn, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import type { Version } from '#schemas';
import type { DataFiles } from '#storage';
import { askRegistry } from '#versions';
import type { ErasureOptions } from './processed.ts';

const RUNS_DIRECTORY = 'runs';
const SNAPSHOTS_DIRECTORY = 'snapshots';
/** What is younger may be being put into the store. */
const REMAINS_MS = 3_600_000;

/**
 * Versions trained with the user, which their snapshot says, or their vocabulary where that snapshot is gone, and those
 * that went on from their weights: archived, so that none answers from them any more, and their files removed. To be
 * emptied before the snapshots.
 */
export function versionsTarget(options: ErasureOptions): EraseTarget {
  const { topics } = options;
  return {
    name: 'versions',
    erase: async (pseudonym) => {
      const snapshots = await snapshotsWith(options, pseudonym);
      const stored = await versionsWith(options, pseudonym);
      const published = await readVersions(options);
      const learned = published.filter(
        ({ version, candidate }) => snapshots.includes(candidate.snapshot_id) || stored.includes(version),
      );
      const names = await withHeirs(
        options,
        learned.map(({ version }) => version),
      );
      const concerned = published.filter(({ version }) => names.has(version));
      for (const each of concerned) if (each.status !== 'archived') await archive(options, each);
      const living = published.filter(({ status }) => status !== 'archived').map(({ version }) => version);
      for (const name of [...stored, ...(await remainsIn(options, VERSIONS_DIRECTORY, living))])
        names.add(name);
      for (const name of names) await remove(options, `${VERSIONS_DIRECTORY}/${name}`);
      return { where: named('version', [...names], topics.versions.name), rows: names.size };
    },
  };
}

/** With what runs made of them, in the order in which they did. */
async function withHeirs({ log, topics }: ErasureOptions, versions: readonly string[]): Promise<Set<string>> {
  const found = new Set(versions);
  for (const { value } of (await currentRecords(log, topics.runs, 'by-first')).values()) {
    if (value.version !== null && value.base !== null && found.has(value.base)) found.add(value.version);
  }
  return found;
}

/** Snapshots that hold the user: retired by a tombstone on their topic, and removed from the disk. */
export function snapshotsTarget(options: ErasureOptions): EraseTarget {
  const { log, topics, clock } = options;
  return {
    name: 'snapshots',
    erase: async (pseudonym) => {
      const announced = (await readSnapshots(options)).map(({ snapshot_id }) => snapshot_id);
      const remains = await remainsIn(options, SNAPSHOTS_DIRECTORY, announced);
      const ids = [...(await snapshotsWith(options, pseudonym)), ...remains];
      const tombstones = ids.map((key) => ({ key, value: null, timestamp: clock.now() }));
      await writeRecords(log, topics.snapshots, tombstones);
      for (const id of ids) await remove(options, `${SNAPSHOTS_DIRECTORY}/${id}`);
      return { where: named('snapshot', ids, topics.snapshots.name), rows: ids.length };
    },
  };
}

/**
 * What runs at work have learned from the user: checkpoints of those whose snapshot is gone. To be emptied after the
 * snapshots, without which no run writes another one.
 */
export function runsTarget(options: ErasureOptions): EraseTarget {
  const { log, topics, dataDirectory } = options;
  return {
    name: 'runs',
    erase: async () => {
      const runs = await currentRecords(log, topics.runs, 'by-first');
      const snapshots = await storedIn(options, SNAPSHOTS_DIRECTORY);
      const ids = (await namesIn(join(dataDirectory, RUNS_DIRECTORY))).filter((id) => {
        return !snapshots.includes(runs.get(id)?.value.snapshot_id ?? '');
      });
      for (const id of ids) await remove({ dataDirectory }, `${RUNS_DIRECTORY}/${id}`);
      return { where: named('run', ids, topics.runs.name), rows: ids.length };
    },
  };
}

/** What there is in a folder: here, and in the store. */
async function storedIn({ dataDirectory, files }: DataFiles, parent: string): Promise<readonly string[]> {
  const stored = (await files?.names(parent)) ?? [];
  return [...new Set([...stored, ...(await namesIn(join(dataDirectory, parent)))])];
}

/**
 * What removals that were cut off have left in the store: no longer whole, so that it can't be told whose data it is, and
 * none of `named`.
 */
async function remainsIn(
  { files, clock }: ErasureOptions,
  parent: string,
  named: readonly string[],
): Promise<readonly string[]> {
  const remains: string[] = [];
  for (const name of (await files?.names(parent)) ?? []) {
    const directory = `${parent}/${name}`;
    if (files === undefined || named.includes(name) || (await files.bring(directory))) continue;
    if ((await files.stat(directory)).writtenMs < clock.now() - REMAINS_MS) remains.push(name);
  }
  return remains;
}

/** In the store as well: copies elsewhere go as others notice that. */
async function remove({ dataDirectory, files }: DataFiles, path: string): Promise<void> {
  await files?.remove(path);
  await rm(join(dataDirectory, path), { recursive: true, force: true });
}

/** By the vocabulary, which has users by their pseudonyms: also those that were never announced. */
async function versionsWith(data: DataFiles, pseudonym: string): Promise<string[]> {
  const parent = join(data.dataDirectory, VERSIONS_DIRECTORY);
  const found: string[] = [];
  for (const name of await storedIn(data, VERSIONS_DIRECTORY)) {
    await data.files?.bring(`${VERSIONS_DIRECTORY}/${name}`);
    for (const file of await namesIn(join(parent, name))) {
      if (!(await readFile(join(parent, name, file))).includes(pseudonym)) continue;
      found.push(name);
      break;
    }
  }
  return found;
}

/** By what is on the disk: also those that were never announced. */
async function snapshotsWith(data: DataFiles, pseudonym: string): Promise<string[]> {
  const parent = join(data.dataDirectory, SNAPSHOTS_DIRECTORY);
  const ids: string[] = [];
  for (const id of await storedIn(data, SNAPSHOTS_DIRECTORY)) {
    await data.files?.bring(`${SNAPSHOTS_DIRECTORY}/${id}`);
    const files = (await namesIn(join(parent, id))).filter((name) => name.endsWith('.parquet'));
    const paths = files.map((name) => join(parent, id, name));
    if ((await rowsOfUser(paths, pseudonym)) > 0) ids.push(id);
  }
  return ids;
}

async function archive(options: ErasureOptions, { version, candidate }: Version): Promise<void> {
  try {
    await askRegistry(options, { kind: 'archive', version, candidate, actor: null });
  } catch (error) {
    throw errorCode(error) === 'MR_VERSION_NO_ANSWER' ? notArchived(version) : error;
  }
}

function named(what: string, names: readonly string[], topic: string): string {
  return names.length === 0 ? `topic ${topic}` : `${what}${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
}

function notArchived(version: string): RetryableError {
  return new RetryableError(
    'MR_PRIVACY_VERSIONS_REMAIN',
    `Version ${version}, which was trained with the user, is not archived yet.`,
    {
      hint: 'Check that the processors run ("millrace start") and are not far behind, then erase the user again.',
    },
  );
}
