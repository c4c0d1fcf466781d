/** One thing that is derived, made again from what it is derived from, while everything else stays as it is. */
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { placesOf, restoreTask, rocksDatabases, type Topology } from '#engine';
import { isOfUser } from '#features';
import { localArtifacts, VERSIONS_DIRECTORY } from '#models';
import { repairArchive } from '#offline';
import { FatalError, InputError, lockDirectory, PARTIAL_PREFIX, type Shutdown, systemClock } from '#platform';
import { openViewsOfModules, stateDirectoryOf } from '#processing';
import { RedisViewWriter } from '#responders';
import type { Installation } from './installation.ts';
import { verifiedTopologies } from './verification/verify-derived.ts';
import { redisLocation } from './views.ts';

export type Repaired = {
  /** What was made again. */
  readonly repaired: readonly string[];
  /** What could not be, with the reason. */
  readonly left: readonly string[];
};

/**
 * `what`: a task, a store by its name (all tasks that have it), `redis`, `archive`, or a version, which is fetched from the
 * data directory `from`. Errors: MR_REPAIR_UNKNOWN, MR_REPAIR_IMPOSSIBLE; ConfigurationError MR_DATA_LOCKED for a task or
 * store while "millrace start" has it open.
 */
export async function repair(
  what: string,
  installation: Installation,
  shutdown: Shutdown,
  from?: string,
): Promise<Repaired> {
  if (what === 'redis') return repairRedis(installation, shutdown);
  if (what === 'archive') {
    const environment = {
      ...installation,
      dataDirectory: installation.configuration.data,
      clock: systemClock,
    };
    const { repaired, left } = await repairArchive(environment, shutdown.signal);
    return { repaired, left: left.map(({ path, why }) => `${path}: ${why}`) };
  }
  const topologies = await verifiedTopologies(installation);
  const found = topologies.flatMap((topology) =>
    placesOf(topology)
      .filter(
        ({ name, subTopology }) => name === what || subTopology.stores.some((store) => store.name === what),
      )
      .map((place) => ({ topology, place })),
  );
  if (found.length > 0) return repairTasks(found, installation, shutdown);
  const versions = await localArtifacts(join(installation.configuration.data, VERSIONS_DIRECTORY)).list();
  const version = /^[0-9a-f]{16}$/.test(what) || versions.includes(what) ? what : undefined;
  if (version !== undefined) return repairVersion(version, installation, from);
  throw new InputError('MR_REPAIR_UNKNOWN', `There is nothing called ${what} to repair.`, {
    hint: `Name one of ${topologies
      .flatMap(placesOf)
      .map(({ name }) => name)
      .join(', ')}, a store, a version, "redis" or "archive".`,
  });
}

type Found = { readonly topology: Topology; readonly place: ReturnType<typeof placesOf>[number] };

async function repairTasks(
  found: readonly Found[],
  { configuration, directory, log, logger }: Installation,
  shutdown: Shutdown,
): Promise<Repaired> {
  const lock = lockDirectory(configuration.data, 'repair');
  shutdown.add('data directory', async () => lock.release());
  for (const { topology, place } of found) {
    shutdown.signal.throwIfAborted();
    const databases = rocksDatabases(stateDirectoryOf(topology, join(directory, 'state')));
    await restoreTask(place, { log, topology, databases, clock: systemClock, logger });
  }
  return { repaired: found.map(({ place }) => place.name), left: [] };
}

/** Built beside the rows that are read, which they replace at once. */
async function repairRedis(installation: Installation, shutdown: Shutdown): Promise<Repaired> {
  const { configuration, log, logger, metrics, topics } = installation;
  if (configuration.views === 'in-process')
    throw new InputError('MR_REPAIR_UNKNOWN', 'No rows are kept in Redis: option views is in-process.');
  const location = redisLocation(installation);
  const environment = { log, logger, metrics, clock: systemClock };
  const modules = await openViewsOfModules(installation, configuration.features.modules);
  const writers = [await RedisViewWriter.open(location, environment, topics)];
  shutdown.add('views in Redis', async () => {
    await Promise.all(writers.map((writer) => writer.close()));
  });
  for (const module of modules.filter(({ view }) => isOfUser(view)))
    writers.push(await RedisViewWriter.openModule(location, environment, module));
  for (const writer of writers) {
    await writer.caughtUp;
    await writer.rebuild();
  }
  return { repaired: ['views in Redis'], left: [] };
}

async function repairVersion(
  version: string,
  { configuration, files }: Installation,
  from: string | undefined,
): Promise<Repaired> {
  const versions = join(configuration.data, VERSIONS_DIRECTORY);
  if (from === undefined && (await files?.bring(`${VERSIONS_DIRECTORY}/${version}`, { isDamaged: true })))
    return { repaired: [`version ${version}`], left: [] };
  if (from === undefined)
    throw impossible(version, 'name another data directory that has it with --from DIR');
  const aside = await mkdtemp(join(configuration.data, `${PARTIAL_PREFIX}repair-`));
  try {
    await cp(join(from, VERSIONS_DIRECTORY, version), join(aside, version), { recursive: true }).catch(() => {
      throw impossible(version, `${from} does not have it`);
    });
    // Every byte is verified before anything is replaced; the name is the hash of all of it.
    await localArtifacts(aside).open(version);
    await localArtifacts(versions).remove(version);
    await rename(join(aside, version), join(versions, version));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return { repaired: [`version ${version}`], left: [] };
}

function impossible(version: string, hint: string): FatalError {
  return new FatalError('MR_REPAIR_IMPOSSIBLE', `Nothing here has the files of version ${version}.`, {
    hint: `${hint}; or promote another version, or train again`,
  });
}
