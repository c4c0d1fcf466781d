import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compareGlobalTable,
  globalTablesOf,
  placesOf,
  rocksDatabases,
  type TaskPlace,
  type Topology,
} from '#engine';
import { isOfUser, versionedName } from '#features';
import { errorCode, MillraceError, type Shutdown, systemClock } from '#platform';
import { removeView, viewProblem } from '#privacy';
import {
  declaredLoop,
  declaredTopology,
  openViewsOfModules,
  stateDirectoryOf,
  viewsOfModules,
} from '#processing';
import { verifyRedisRows } from '#responders';
import { readViewVersions } from '#view-builds';
import { optionsThatDiffer } from '../deciding-options.ts';
import type { Installation } from '../installation.ts';
import { throwIfInterrupted } from '../interruption.ts';
import { knowUsers } from '../roles/catalogue.ts';
import { redisLocation } from '../views.ts';
import { verifiedFiles } from './files.ts';
import { type Finding, type Sample, sampled } from './finding.ts';
import { noteOutcome } from './outcome.ts';
import { verifiedTask } from './tasks.ts';

export type VerifyDerivedOptions = {
  readonly sample: Sample;
  /** Whether another process has the stores open: they are not read then. */
  readonly storesInUse: boolean;
  readonly fromLog?: boolean;
  readonly force?: boolean;
  /** Only tasks of which this is true; files and rows elsewhere are then left out. */
  readonly isWanted?: (task: TaskPlace) => boolean;
  /** Told before each task, and how far it is. */
  readonly onTask?: (name: string) => (done: number, total: number) => void;
};

/** The loop, and the views of modules that were started at least once. */
export async function verifiedTopologies(installation: Installation): Promise<readonly Topology[]> {
  const { configuration, log, registry, topics } = installation;
  const known = await readViewVersions(installation);
  const views = (await viewsOfModules(configuration.features.modules)).map(versionedName);
  const built = views.filter((view) => known.has(view) && known.get(view)?.status !== 'dropped');
  const opened = async () => topics;
  return [
    await declaredLoop(topics, registry, configuration),
    ...(await Promise.all(
      built.map(async (view) => {
        const declared = await declaredTopology({ view }, configuration, { log, registry }, opened, () => {});
        return declared.topology;
      }),
    )),
  ];
}

/**
 * Holds everything that is derived against what it is derived from, part by part, and notes what it has found for the
 * metrics. Changes nothing else. Errors: those of the log; what is damaged is in the findings.
 */
export async function* verifyDerived(
  installation: Installation,
  shutdown: Shutdown,
  options: VerifyDerivedOptions,
): AsyncGenerator<Finding> {
  const findings: Finding[] = [];
  const { directory } = installation;
  for await (const finding of allFindings(installation, shutdown, options)) {
    findings.push(finding);
    yield finding;
  }
  noteOutcome(directory, findings, systemClock.now());
}

async function* allFindings(
  installation: Installation,
  shutdown: Shutdown,
  options: VerifyDerivedOptions,
): AsyncGenerator<Finding> {
  const { signal } = shutdown;
  const { sample, isWanted } = options;
  const topologies = await verifiedTopologies(installation);
  const tasks = topologies.flatMap((topology) => placesOf(topology).map((place) => ({ topology, place })));
  const wanted =
    isWanted === undefined ? sampled(tasks, sample) : tasks.filter(({ place }) => isWanted(place));
  yield* taskFindings(installation, shutdown, wanted, options);
  if (isWanted !== undefined) return;
  if (!options.storesInUse)
    for (const topology of topologies) yield* globalTableFindings(installation, topology, sample);
  yield* verifiedFiles(installation, sample, signal);
  const rows = await redisFinding(installation, sample, signal);
  if (rows !== undefined) yield rows;
  const vault = await vaultFinding(installation, signal);
  if (vault !== undefined) yield vault;
}

async function* taskFindings(
  { configuration, directory, log, logger }: Installation,
  shutdown: Shutdown,
  tasks: readonly { readonly topology: Topology; readonly place: TaskPlace }[],
  { storesInUse, fromLog = false, force = false, onTask = () => () => {} }: VerifyDerivedOptions,
): AsyncGenerator<Finding> {
  const { signal } = shutdown;
  const scratchDirectory = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
  shutdown.add('scratch stores', () => rm(scratchDirectory, { recursive: true, force: true }));
  // What is under way ends on the signal; its stores must be closed before they are removed.
  let work: Promise<unknown> = Promise.resolve();
  shutdown.add('verification', async () => void (await work.catch(() => {})));
  for (const { topology, place } of tasks) {
    throwIfInterrupted(signal);
    const told = onTask(place.name);
    const verifying = verifiedTask(place, {
      options: {
        log,
        logger,
        topology,
        scratch: rocksDatabases(scratchDirectory),
        clock: systemClock,
        force,
        signal,
        onProgress: ({ done, total }) => told(done, total),
      },
      fromLog,
      configuredDifferently: optionsThatDiffer(directory, configuration),
      stateDirectory: storesInUse ? undefined : stateDirectoryOf(topology, join(directory, 'state')),
    });
    work = verifying;
    yield await verifying;
  }
}

/** The copies that each member has left here. */
async function* globalTableFindings(
  { directory, log }: Installation,
  topology: Topology,
  sample: Sample,
): AsyncGenerator<Finding> {
  const stateDirectory = stateDirectoryOf(topology, join(directory, 'state'));
  if (!existsSync(stateDirectory)) return;
  const entries = await readdir(stateDirectory);
  for (const topic of globalTablesOf(topology)) {
    const copies = entries.filter((name) => name.startsWith('global.') && name.endsWith(`.${topic.name}`));
    const compared = await Promise.all(
      sampled(copies, sample).map((name) =>
        compareGlobalTable(topic, name, { log, databases: rocksDatabases(stateDirectory) }),
      ),
    );
    if (compared.length === 0) continue;
    const unequal = compared.filter(({ result }) => result !== 'equal');
    const result = unequal.some((each) => each.result === 'different')
      ? 'different'
      : (unequal[0]?.result ?? 'equal');
    yield {
      task: `global table ${topic.name} of ${topology.name}`,
      result,
      detail: '',
      state: result,
      ...(unequal.length > 0 && { stores: unequal }),
    };
  }
}

const UNBUILT = 'there are no rows of some views; the next start builds them';

/** Undefined where no rows are kept in Redis. */
async function redisFinding(
  installation: Installation,
  sample: Sample,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const { configuration, log, logger, topics } = installation;
  if (configuration.views === 'in-process') return undefined;
  const task = 'views in Redis';
  try {
    const { modules: paths } = configuration.features;
    const known = await readViewVersions(installation);
    const modules = (await openViewsOfModules(installation, paths)).filter(
      ({ view }) => known.get(versionedName(view))?.status === 'live',
    );
    const found = await verifyRedisRows(redisLocation(installation), {
      log,
      logger,
      topics,
      modules: modules.filter(({ view }) => isOfUser(view)),
      now: () => systemClock.now(),
      ...sample,
      signal,
    });
    const { rows, isBuilt, problems, unknown } = found;
    const result = problems.length > 0 ? 'different' : unknown === undefined ? 'equal' : 'unknown';
    return {
      task,
      result,
      rows,
      detail: [...problems, ...(unknown ? [unknown] : []), ...(isBuilt ? [] : [UNBUILT])].join('; '),
    };
  } catch (error) {
    if (!(error instanceof MillraceError) || !/^MR_(REDIS|VIEWS)_/.test(errorCode(error) ?? '')) throw error;
    return { task, result: 'unknown', detail: error.message };
  }
}

/** The keys of the vault, and the directory's view of it; undefined where there is none. */
async function vaultFinding(
  { configuration, log, topics, directory, pseudonyms }: Installation,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  if (configuration.privacy.userIds === 'as-given') return undefined;
  const [described] = await log.describeTopics([topics.vault.name]);
  if (described?.offsets.every(({ end }) => end === 0)) return undefined;
  const task = 'vault of pseudonyms';
  const problem = viewProblem(directory);
  if (problem !== undefined) removeView(directory);
  try {
    const vault = await pseudonyms();
    const { users, damaged, repaired } = await vault.check(signal);
    const counted = { task, records: users };
    const ofView =
      repaired ?? (problem && `the view was damaged, and is made from the log again: ${problem}`);
    const detail = damaged > 0 ? vault.damage : ofView;
    if (detail === undefined) return { ...counted, result: 'equal', detail: '' };
    return { ...counted, result: 'different', detail };
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (!['MR_PRIVACY_VAULT_UNUSABLE', 'MR_PRIVACY_MASTER_KEY'].includes(code)) throw error;
    const { roles, privacy } = configuration;
    const hasNoKey = privacy.masterKey === undefined && !knowUsers(roles);
    if (code === 'MR_PRIVACY_MASTER_KEY' && hasNoKey) {
      return {
        task,
        result: 'unknown',
        detail: 'the roles of this process need no master key, and it has none',
      };
    }
    return { task, result: 'different', detail: (error as Error).message };
  }
}
