import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  type CarryOverPlan,
  type Migrations,
  planCarryOver,
  planStart,
  type StartPlan,
  type Topology,
} from '#engine';
import { featureViews, versionedName } from '#features';
import type { Log, SchemaRegistry } from '#log';
import { ConfigurationError, errorCode, MillraceError } from '#platform';
import {
  declaredLoop,
  declaredTopology,
  earlierGeneration,
  stateDirectoryOf,
  viewsOfModules,
} from '#processing';
import { requireOwnGeneration } from '#replays';
import { openTopics, type Topics } from '#topologies';
import { readViewVersions } from '#view-builds';
import { optionsThatDiffer } from '../deciding-options.ts';
import type { LogInstallation } from '../installation.ts';
import { type MeasuredRates, measuredRates } from './measured-rates.ts';
import { countRows, type RowCounts } from './rows-to-build.ts';
import { untouched } from './untouched.ts';

export type TopologyPlan = StartPlan & {
  /** As planStart gives it; `hash` is also of a carry-over. */
  readonly startHash: string;
  /** Where the state of an earlier release's generation is taken over. */
  readonly carryOver?: CarryOverPlan;
  /** Rows that this machine makes, and those that it has. */
  readonly rows: RowCounts;
};

/** What starting this code on this data would do. */
export type InstallationPlan = {
  readonly topologies: readonly TopologyPlan[];
  /** Why a start is refused whatever is accepted. */
  readonly problems: readonly string[];
  /** What is worth knowing and hinders nothing. */
  readonly notes: readonly string[];
  readonly hash: string;
  /** Whether a start does it without being told to. */
  readonly isSafe: boolean;
};

/** A topology that is planned for, and where its stores lie. */
type Planned = Declared & { readonly stateDirectory: string };

type Declared = { readonly topology: Topology; readonly migrations?: Migrations | undefined };

export const lacksChoice = ({ unresolved, carryOver }: TopologyPlan) =>
  unresolved.length > 0 || (carryOver?.unresolved.length ?? 0) > 0;

/** Plans one topology and changes nothing. Errors: MR_TOPOLOGY_MANIFEST; MR_DATA_OUTDATED, MR_DATA_NEWER. */
async function planTopology(
  log: Log,
  { topology, migrations, stateDirectory }: Planned,
): Promise<TopologyPlan> {
  const { plan } = await planStart({ log, topology, migrations });
  const earlier = await earlierGeneration(log, topology);
  const carryOver = earlier === undefined ? undefined : await planCarryOver({ log, topology, from: earlier });
  const hash = carryOver === undefined ? plan.hash : hashOf([plan.hash, carryOver.hash]);
  const rows = await countRows(log, topology, plan, stateDirectory);
  return { ...plan, startHash: plan.hash, hash, rows, ...(carryOver && { carryOver }) };
}

/**
 * The plan of the loop and of the views of modules, as a start decides by it. Errors: those of planTopology, and of what the
 * modules declare.
 */
export async function planInstallation(
  installation: Pick<LogInstallation, 'log' | 'registry' | 'configuration' | 'directory'> & {
    readonly topics: Topics;
  },
): Promise<InstallationPlan> {
  const { log, registry, configuration, directory, topics } = installation;
  const state = join(directory, 'state');
  const problems: string[] = [];
  const notes: string[] = [];
  const topologies: TopologyPlan[] = [];
  const add = async (declare: () => Promise<Topology>) => {
    try {
      const topology = await declare();
      await requireOwnGeneration(log, topology);
      topologies.push(
        await planTopology(log, { topology, stateDirectory: stateDirectoryOf(topology, state) }),
      );
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(`${error.message} ${error.hint ?? ''}`.trim());
    }
  };
  await add(() => declaredLoop(topics, registry, configuration));
  const known = await knownViews({ log, topics });
  const declared = await viewsOfModules(configuration.features.modules);
  for (const view of declared) {
    const name = versionedName(view);
    const before = known.get(name);
    if (before !== undefined && before.declaration !== view.declaration)
      problems.push(`View ${name} was declared otherwise before: raise its version.`);
    await add(async () => {
      const opened = async () => topics;
      return (await declaredTopology({ view: name }, configuration, { log, registry }, opened, () => {}))
        .topology;
    });
  }
  notes.push(...orphans(known, declared.map(versionedName)));
  const differing = optionsThatDiffer(directory, configuration);
  if (differing.length > 0)
    notes.push(`results depend on options that were changed: ${differing.join(', ')}`);
  return withHash({ topologies, problems, notes });
}

function withHash(plan: Omit<InstallationPlan, 'hash' | 'isSafe'>): InstallationPlan {
  const { topologies, problems } = plan;
  const unsafe = topologies.filter(lacksChoice);
  const hash = hashOf(unsafe.map((each) => each.hash));
  return { ...plan, hash, isSafe: problems.length === 0 && unsafe.length === 0 };
}

const hashOf = (hashes: readonly string[]) =>
  hashes.length === 1
    ? (hashes[0] as string)
    : createHash('sha256').update(hashes.join()).digest('hex').slice(0, 12);

/** Views that the data has and the code no longer declares. */
function orphans(
  known: Awaited<ReturnType<typeof knownViews>>,
  declared: readonly string[],
): readonly string[] {
  return [...known.values()].flatMap((version) => {
    const name = versionedName(version);
    const isOwn = featureViews.some((view) => view.name === version.name);
    return version.status === 'live' && !isOwn && !declared.includes(name)
      ? [
          `view ${name} is no longer declared: its rows stay as they are ("millrace features drop" removes them)`,
        ]
      : [];
  });
}

/** Nothing where the data has none yet. */
async function knownViews(source: { readonly log: Log; readonly topics: Topics }) {
  try {
    return await readViewVersions(source);
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    return new Map() as Awaited<ReturnType<typeof readViewVersions>>;
  }
}

/** A plan made beside whatever runs, and what it is expected to take. */
export type ShownPlan = InstallationPlan & {
  readonly topicsToCreate: readonly string[];
  readonly records: number;
  readonly rates: MeasuredRates;
  /** Seconds, by the measured rate; undefined where nothing was measured. */
  readonly seconds: number | undefined;
  /** Disk space for the rows to be made, estimated from the rows on this machine; undefined where there are none. */
  readonly bytes: number | undefined;
};

/**
 * As planInstallation, or of one topology alone, on a log that is left as it is. Errors: those of planInstallation, as
 * problems where they are the code's or the data's to mend.
 */
export async function makePlan(
  installation: Pick<LogInstallation, 'log' | 'registry' | 'configuration' | 'directory'>,
  own: ((source: { readonly log: Log; readonly registry: SchemaRegistry }) => Promise<Declared>) | undefined,
  signal: AbortSignal,
): Promise<ShownPlan> {
  const { directory, configuration } = installation;
  const source = await untouched(installation.log, installation.registry);
  const quiet = { ...installation, log: source.log, registry: source.registry };
  let rated: Topology | undefined;
  const state = join(directory, 'state');
  const planned = async (): Promise<InstallationPlan> => {
    if (own === undefined) {
      const topics = await openTopics(source.log, source.registry);
      rated = await declaredLoop(topics, source.registry, configuration);
      return planInstallation({ ...quiet, topics });
    }
    const declared = await own(source);
    rated = declared.topology;
    const stateDirectory = stateDirectoryOf(rated, state);
    const plan = await planTopology(source.log, { ...declared, stateDirectory });
    return withHash({ topologies: [plan], problems: [], notes: [] });
  };
  const plan = await planned().catch((error: unknown): InstallationPlan => {
    if (!(error instanceof MillraceError) || !(error instanceof ConfigurationError)) throw error;
    return withHash({ topologies: [], problems: [error.message], notes: [] });
  });
  const problems = [...plan.problems, ...source.refused];
  const topicsToCreate = [
    ...new Set([...source.created, ...plan.topologies.flatMap((each) => each.created)]),
  ].sort();
  const rates = rated === undefined ? none : await measuredRates(source.log, rated, state, signal);
  const sumOf = (count: (topology: TopologyPlan) => number) =>
    plan.topologies.reduce((sum, each) => sum + count(each), 0);
  const copied = sumOf(({ carryOver }) => carryOver?.recordsToCopy ?? 0);
  const restored = sumOf(({ rows }) => rows.toRestore);
  const records = sumOf(({ recordsToRead }) => recordsToRead) + restored + copied;
  const here = sumOf(({ rows }) => rows.here);
  const made = sumOf(({ rows }) => rows.toRebuild) + restored + copied;
  const seconds =
    rates.recordsPerSecond === undefined ? undefined : Math.ceil(records / rates.recordsPerSecond);
  return {
    ...plan,
    problems,
    isSafe: plan.isSafe && problems.length === 0,
    topicsToCreate,
    records,
    rates,
    seconds,
    bytes:
      rates.stateBytes === undefined || here === 0 ? undefined : Math.ceil((made * rates.stateBytes) / here),
  };
}

const none: MeasuredRates = { recordsPerSecond: undefined, commits: 0, stateBytes: undefined };

/** What a topology's own start is told: the hashes of its plans. */
export type Accepted = { readonly accepted: string; readonly carryOver: string | undefined };

/**
 * What the start of each topology that needs it is told, by name and generation. Errors: ConfigurationError MR_PLAN_UNSAFE where the plan
 * needs a person's word and `accepted` is not it.
 */
export function acceptedHashes(
  plan: InstallationPlan,
  accepted: string | undefined,
): ReadonlyMap<string, Accepted> {
  const unsafe = plan.topologies.filter(lacksChoice);
  if (unsafe.length > 0 && accepted !== plan.hash) throw unaccepted(unsafe, plan.hash, accepted);
  return new Map(
    unsafe.map(({ topology, generation, startHash, carryOver }) => {
      return [`${topology}-${generation}`, { accepted: startHash, carryOver: carryOver?.hash }];
    }),
  );
}

function unaccepted(
  unsafe: readonly TopologyPlan[],
  hash: string,
  accepted: string | undefined,
): ConfigurationError {
  const lines = unsafe.flatMap(({ unresolved, carryOver }) => [
    ...unresolved,
    ...(carryOver?.unresolved ?? []),
  ]);
  const which = accepted === undefined ? '' : `; ${accepted} is the hash of another plan`;
  return new ConfigurationError(
    'MR_PLAN_UNSAFE',
    `State would be lost or read as what it is not: ${lines.join('; ')}${which}.`,
    {
      hint: `See "millrace plan"; start with --accept ${hash} to do what it proposes, or start the earlier release, whose state is untouched.`,
    },
  );
}
