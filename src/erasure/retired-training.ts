import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { currentRecords, writeRecords } from '#engine';
import { VERSIONS_DIRECTORY } from '#models';
import { readVersions, rowsOfUser } from '#offline';
import { errorCode, namesIn, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import type { Version } from '#schemas';
import { askRegistry } from '#versions';
import type { ErasureOptions } from './processed.ts';

/**
 * Versions trained with the user, which their snapshot says, or their vocabulary where that snapshot is gone, and those
 * that went on from their weights: archived, so that none answers from them any more, and their files removed. To be
 * emptied before the snapshots.
 */
export function versionsTarget(options: ErasureOptions): EraseTarget {
  const { topics, dataDirectory } = options;
  return {
    name: 'versions',
    erase: async (pseudonym) => {
      const snapshots = await snapshotsWith(dataDirectory, pseudonym);
      const stored = await versionsWith(dataDirectory, pseudonym);
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
      for (const name of stored) names.add(name);
      for (const name of names) await remove(versionsOf(dataDirectory), name);
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
export function snapshotsTarget({ log, topics, dataDirectory, clock }: ErasureOptions): EraseTarget {
  return {
    name: 'snapshots',
    erase: async (pseudonym) => {
      const ids = await snapshotsWith(dataDirectory, pseudonym);
      const tombstones = ids.map((key) => ({ key, value: null, timestamp: clock.now() }));
      await writeRecords(log, topics.snapshots, tombstones);
      for (const id of ids) await remove(snapshotsOf(dataDirectory), id);
      return { where: named('snapshot', ids, topics.snapshots.name), rows: ids.length };
    },
  };
}

/**
 * What runs at work have learned from the user: checkpoints of those whose snapshot is gone. To be emptied after the
 * snapshots, without which no run writes another one.
 */
export function runsTarget({ log, topics, dataDirectory }: ErasureOptions): EraseTarget {
  return {
    name: 'runs',
    erase: async () => {
      const runs = await currentRecords(log, topics.runs, 'by-first');
      const snapshots = await namesIn(snapshotsOf(dataDirectory));
      const ids = (await namesIn(runsOf(dataDirectory))).filter((id) => {
        return !snapshots.includes(runs.get(id)?.value.snapshot_id ?? '');
      });
      for (const id of ids) await remove(runsOf(dataDirectory), id);
      return { where: named('run', ids, topics.runs.name), rows: ids.length };
    },
  };
}

const runsOf = (dataDirectory: string) => join(dataDirectory, 'runs');
const snapshotsOf = (dataDirectory: string) => join(dataDirectory, 'snapshots');
const versionsOf = (dataDirectory: string) => join(dataDirectory, VERSIONS_DIRECTORY);

function remove(parent: string, name: string): Promise<void> {
  return rm(join(parent, name), { recursive: true, force: true });
}

/** By the vocabulary, which has users by their pseudonyms: also those that were never announced. */
async function versionsWith(dataDirectory: string, pseudonym: string): Promise<string[]> {
  const parent = versionsOf(dataDirectory);
  const found: string[] = [];
  for (const name of await namesIn(parent)) {
    for (const file of await namesIn(join(parent, name))) {
      if (!(await readFile(join(parent, name, file))).includes(pseudonym)) continue;
      found.push(name);
      break;
    }
  }
  return found;
}

/** By what is on the disk: also those that were never announced. */
async function snapshotsWith(dataDirectory: string, pseudonym: string): Promise<string[]> {
  const parent = snapshotsOf(dataDirectory);
  const ids: string[] = [];
  for (const id of await namesIn(parent)) {
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
