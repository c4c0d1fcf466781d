import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { currentRecords, readableRecords, type Topic } from '#engine';
import type { Log } from '#log';
import { fileProblem, type Logger } from '#platform';
import { type RegistryView, registryOf } from '#processors';
import type { Snapshot, Version } from '#schemas';
import type { DataFiles } from '#storage';
import type { ColumnStatistics } from './statistics.ts';

export const STATISTICS_FILE = 'statistics.json';

export type StatisticsFile = { readonly columns: readonly ColumnStatistics[] };

type Published = {
  readonly log: Log;
  readonly topics: {
    readonly snapshots: Topic<string, Snapshot>;
    readonly versions: Topic<string, Version>;
  };
};

/** The snapshots that were announced and not retired, each by its last event, in order of that. */
export async function readSnapshots({ log, topics }: Published): Promise<readonly Snapshot[]> {
  return newestValues(log, topics.snapshots);
}

/** The last step of each version, in order of that. */
export async function readVersions({ log, topics }: Published): Promise<readonly Version[]> {
  return newestValues(log, topics.versions);
}

/** What topic `versions` holds up to now. */
export async function readRegistry({
  log,
  topics: { versions },
}: {
  readonly log: Log;
  readonly topics: Pick<Published['topics'], 'versions'>;
}): Promise<RegistryView> {
  const steps: Version[] = [];
  for await (const records of readableRecords(log, versions)) {
    for (const { value } of records) if (value !== null) steps.push(value);
  }
  return registryOf(steps);
}

async function newestValues<V>(log: Log, topic: Topic<string, V>): Promise<readonly V[]> {
  return [...(await currentRecords(log, topic, 'by-newest')).values()].map(({ value }) => value);
}

/**
 * The snapshot that drift is measured against: the newest but `id` that is not suspect, or that a version was trained on
 * nevertheless. A fault that stays does not become the measure of what comes after it; a change that somebody has
 * accepted does. Undefined where there is none whose statistics are there.
 */
export async function comparedWith(
  published: Published & DataFiles & { readonly logger: Logger },
  id: string,
): Promise<{ readonly snapshot: Snapshot; readonly columns: readonly ColumnStatistics[] } | undefined> {
  const versions = await readVersions(published);
  const accepted = new Set(versions.map(({ candidate }) => candidate.snapshot_id));
  const snapshots = await readSnapshots(published);
  for (const snapshot of snapshots.toReversed()) {
    const { snapshot_id, suspect } = snapshot;
    if (snapshot_id === id || (suspect.length > 0 && !accepted.has(snapshot_id))) continue;
    const columns = await snapshotStatistics(published, snapshot);
    if (columns !== undefined) return { snapshot, columns };
  }
  return undefined;
}

/** Undefined where the file was removed, is damaged, or was never there: snapshots of old have none. */
export async function snapshotStatistics(
  { dataDirectory, logger, files: shared }: DataFiles & { readonly logger: Logger },
  { snapshot_id: snapshot, directory, files }: Snapshot,
): Promise<readonly ColumnStatistics[] | undefined> {
  const expected = files.find(({ name }) => name === STATISTICS_FILE);
  if (expected === undefined) return undefined;
  const path = join(dataDirectory, directory, STATISTICS_FILE);
  if (!existsSync(path)) {
    const bytes = await shared?.read(`${directory}/${STATISTICS_FILE}`, expected);
    return bytes && (JSON.parse(bytes.toString()) as StatisticsFile).columns;
  }
  const problem = await fileProblem(path, expected);
  if (problem === undefined) return (JSON.parse(await readFile(path, 'utf8')) as StatisticsFile).columns;
  logger.warn({ snapshot, path }, 'the statistics of a snapshot are damaged; nothing is compared with it');
  return undefined;
}

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
export async function removeSnapshots(
  { dataDirectory, files }: DataFiles,
  snapshots: readonly Snapshot[],
): Promise<void> {
  for (const { directory } of snapshots) {
    await files?.remove(directory);
    await rm(join(dataDirectory, directory), { recursive: true, force: true });
  }
}
