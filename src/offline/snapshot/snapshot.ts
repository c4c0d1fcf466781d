import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnyView, FeatureTtls } from '#features';
import { PARTIAL_PREFIX, type Progress, RetryableError, removePartial, sync } from '#platform';
import type { Snapshot, SnapshotFile, ViewVersion } from '#schemas';
import type { ArchiveEnvironment } from '../archive-writer.ts';
import { withDuckDb } from '../duckdb.ts';
import { holdsErasedUser, withdrawnSnapshot } from './erased-since.ts';
import { changedColumns } from './module-features.ts';
import type { NegativeOptions } from './negatives.ts';
import { comparedWith } from './published.ts';
import { defaultLimits, judgeQuality, type QualityLimits } from './quality.ts';
import { defaultSplit, type SplitOptions, splitProtocol } from './split.ts';
import { type Collected, collectTables } from './tables.ts';
import type { WaitingOptions } from './waiting.ts';
import { snapshotViews, type WrittenFiles, writeFiles } from './write-files.ts';

export type SnapshotOptions = ArchiveEnvironment & {
  readonly progress?: Progress;
  /** Each user's last fifth for test and the tenth before it for validation by default. */
  readonly split?: SplitOptions;
  /** None by default. */
  readonly negatives?: NegativeOptions;
  /** Under which the features of negatives are read, as those of examples are; what the views declare by default. */
  readonly featureTtlMs?: FeatureTtls;
  /** Views of modules whose rows examples have, as exampleModules returns them; none by default. */
  readonly modules?: readonly AnyView[];
  /** How examples that still wait in a world that stands still are labelled; without it they are left out. */
  readonly waiting?: WaitingOptions;
  readonly limits?: QualityLimits;
  /** The command that requested it. */
  readonly commandId?: string;
};

const SNAPSHOT_DIRECTORY = 'snapshots';
const ID_DIGITS = 16;

/**
 * Writes everything that the topics `examples`, `example-corrections`, `items` and `users` hold now of users who have not
 * opted out to Parquet files in `<data>/snapshots/<id>`, and returns the event to be published on `snapshots`. Examples at
 * or beyond the topic's watermark are not complete yet and are left to the next snapshot; where time stands still, after an
 * import, those that wait for outcomes are labelled by what is known (see waitingExamples). The id is a hash of the
 * contents: an equal snapshot is the same one, byte for byte. One call at a time for a data directory.
 *
 * Errors: RetryableError MR_SNAPSHOT_EMPTY when no positive example is complete, MR_SNAPSHOT_WITHDRAWN; those of
 * withAcceptedEvents.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const { dataDirectory, split = defaultSplit, negatives, limits = defaultLimits } = options;
  const parent = join(dataDirectory, SNAPSHOT_DIRECTORY);
  await mkdir(parent, { recursive: true });
  await removePartial(parent);
  const aside = await mkdtemp(join(parent, PARTIAL_PREFIX));
  try {
    const { collected, written } = await write(options, aside, split);
    const protocol = splitProtocol(split);
    const views = snapshotViews(options.modules);
    const id = snapshotId(protocol, views, written.files);
    await moveIntoPlace(aside, parent, id);
    const directory = `${SNAPSHOT_DIRECTORY}/${id}`;
    // Before it is looked at: an erasure finds it in the store, or is found here.
    await options.files?.publish(directory);
    const offsets = [...collected.offsets, ...written.eventOffsets];
    if (await holdsErasedUser(options, { directory, offsets })) {
      await options.files?.remove(directory);
      await rm(join(dataDirectory, directory), { recursive: true, force: true });
      throw withdrawnSnapshot(id);
    }
    const compared = await comparedWith(options, id);
    const changed = changedColumns(options.modules ?? [], compared?.snapshot.views ?? []);
    const unchanged = compared?.columns.filter(({ name }) => !changed.has(name));
    const { columns, suspect } = judgeQuality(written.statistics, unchanged, limits);
    return {
      snapshot_id: id,
      ts: options.clock.now(),
      directory,
      files: [...written.files],
      offsets,
      watermark: collected.watermark,
      protocol,
      ...written.parts,
      views,
      command_id: options.commandId ?? null,
      negatives: negatives === undefined ? null : negativesOf(negatives, written.negativeRows),
      excluded_users: collected.excludedUsers,
      vocabulary: written.vocabulary,
      compared_with: compared?.snapshot.snapshot_id ?? null,
      columns,
      suspect,
    };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function write(
  options: SnapshotOptions,
  aside: string,
  split: SplitOptions,
): Promise<{ readonly collected: Collected; readonly written: WrittenFiles }> {
  const staging = join(aside, 'staging');
  await mkdir(staging);
  const result = await withDuckDb(staging, async (database) => {
    const collected = await collectTables(database, options, staging, split);
    if (collected.trainPositives === 0) throw empty(collected);
    const written = await writeFiles(database, options, { target: aside, staging });
    return { collected, written };
  });
  await rm(staging, { recursive: true });
  return result;
}

function negativesOf(
  { uniform, byPopularity, byCoVisits, bySources, seed }: NegativeOptions,
  rows: number,
): Snapshot['negatives'] {
  const ways = { uniform, by_popularity: byPopularity, by_co_visits: byCoVisits, by_sources: bySources };
  return { ...ways, seed, rows };
}

function snapshotId(protocol: string, views: readonly ViewVersion[], files: readonly SnapshotFile[]): string {
  const contents = {
    protocol,
    views,
    files: files.map(({ name, sha256 }) => [name, sha256]),
  };
  return createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, ID_DIGITS);
}

/** A snapshot of this id that is there already may be damaged: the one just written takes its place. */
async function moveIntoPlace(aside: string, parent: string, id: string): Promise<void> {
  const place = join(parent, id);
  await sync(aside);
  if (existsSync(place)) await rename(place, join(parent, `${PARTIAL_PREFIX}replaced-${id}`));
  await rename(aside, place);
  await sync(parent);
  await removePartial(parent);
}

function empty({ records }: Collected): RetryableError {
  return new RetryableError(
    'MR_SNAPSHOT_EMPTY',
    `There is nothing to train on: none of ${records} examples is a positive before the watermark.`,
    { hint: 'Send or import events first, and let the topology process them.' },
  );
}
