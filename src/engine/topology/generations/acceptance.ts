import type { Log, TopicDescription } from '#log';
import { ConfigurationError, type Logger } from '#platform';
import type { DatabaseProvider } from '../../store/port.ts';
import type { Topology } from '../topology.ts';
import { encodeManifest, manifestTopic } from './manifest.ts';
import { Migration } from './migration.ts';
import type { Migrations } from './plan.ts';
import { type Planned, planReset, planStart, type StartPlan } from './start-plan.ts';

export type AcceptanceOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly databases: DatabaseProvider;
  readonly logger: Logger;
  readonly migrations?: Migrations;
  /** The hash of a plan that may be carried out although the migrations do not cover it: see planStart. */
  readonly accepted?: string | undefined;
};

/**
 * Compares a topology with what its last start has left in the log, and creates its topics. State that was renamed,
 * retyped or repartitioned would silently be lost, or be read as what it is not: without a choice for each such change
 * the start is refused. Errors: MR_TOPOLOGY_STATE_CHANGED, MR_TOPOLOGY_INVALID where a source has another number of
 * partitions than declared, MR_TOPOLOGY_MIGRATION_BUSY.
 */
export async function acceptTopology(options: AcceptanceOptions): Promise<void> {
  const { log, topology, accepted } = options;
  checkTopics(topology, new Map((await log.describeTopics()).map((topic) => [topic.name, topic])));
  const planned = await planStart(options);
  const { plan, is, changes, isRecorded } = planned;
  if (plan.unresolved.length > 0 && accepted !== plan.hash) throw changed(plan);
  if (changes.length > 0) return migrate(options, planned);
  await log.createTopics(topology.internalTopics);
  if (isRecorded) return;
  await log.createTopics([manifestTopic(topology)]);
  const producer = await log.producer();
  try {
    await producer.append(manifestTopic(topology).name, 0, [{ ...encodeManifest(is), timestamp: 0 }]);
  } finally {
    await producer.close();
  }
}

/**
 * Carries a plan of planReset out. Errors: MR_TOPOLOGY_PLAN_CHANGED where `accepted` is not its hash any more,
 * MR_TOPOLOGY_MIGRATION_BUSY while an instance runs.
 */
export async function resetTopology(options: AcceptanceOptions): Promise<StartPlan> {
  const planned = await planReset(options);
  if (options.accepted !== planned.plan.hash) throw otherPlan(planned.plan);
  await migrate(options, planned);
  for (const { name, partitions } of options.topology.subTopologies) {
    for (let partition = 0; partition < partitions; partition++)
      await options.databases.destroy(`${name}-${partition}`);
  }
  return planned.plan;
}

async function migrate(
  { log, topology, databases, logger }: AcceptanceOptions,
  { was, is, changes, migration }: Planned,
): Promise<void> {
  logger.warn(
    { topology: topology.name, changes: changes.map(({ kind, name }) => `${kind} ${name}`) },
    'state is migrated',
  );
  await Migration.run(log, topology, migration, is);
  // Local copies of what starts over under the same offsets would be taken for the new.
  const shapes = [...was.stores, ...is.stores].filter(({ changelog }) => migration.deleted.has(changelog));
  for (const { subTopology, partitions } of shapes) {
    for (let partition = 0; partition < partitions; partition++) {
      await databases.destroy(`${subTopology}-${partition}`);
    }
  }
}

/** Topics from outside: what is wrong with one that is written would else come out with the first commit, or never. */
function checkTopics(
  { subTopologies, internalTopics }: Topology,
  existing: ReadonlyMap<string, TopicDescription>,
): void {
  const internal = new Set(internalTopics.map(({ name }) => name));
  for (const { sources, sinks } of subTopologies) {
    for (const { topic } of sinks) {
      if (existing.has(topic.name) || internal.has(topic.name)) continue;
      throw new ConfigurationError('MR_TOPOLOGY_INVALID', `The output topic ${topic.name} does not exist.`, {
        hint: 'create it before the topology is started: its cleanup is its owner’s to choose',
      });
    }
    for (const { topic } of [...sources, ...sinks]) {
      const found = existing.get(topic.name)?.partitions;
      if (found === undefined || found === topic.partitions || internal.has(topic.name)) continue;
      throw new ConfigurationError(
        'MR_TOPOLOGY_INVALID',
        `${topic.name} has ${found} partitions in the log, but is declared with ${topic.partitions}.`,
        {
          hint: 'declare the number that the log has; if stores depend on it, the next start says what can be done about them',
        },
      );
    }
  }
}

function changed({ topology, generation, unresolved, hash }: StartPlan): ConfigurationError {
  return new ConfigurationError(
    'MR_TOPOLOGY_STATE_CHANGED',
    `Topology ${topology}, generation ${generation}, does not fit its existing state: ${unresolved.join('; ')}.`,
    {
      hint: `choose for each with the runtime’s option migrations, in a module for millrace run its export of that name: rename keeps the rows, rebuild rereads the inputs of the whole sub-topology from the start and rewrites its outputs, drop starts empty; or see "millrace plan", and start with --accept ${hash} to do what it proposes; or leave the state alone and declare generation ${generation + 1}, which is built beside it`,
    },
  );
}

/** Errors: ConfigurationError MR_TOPOLOGY_PLAN_CHANGED. */
function otherPlan({ topology, hash }: Pick<StartPlan, 'topology' | 'hash'>): ConfigurationError {
  return new ConfigurationError(
    'MR_TOPOLOGY_PLAN_CHANGED',
    `The plan for ${topology} is now ${hash}, not the one that was accepted.`,
    { hint: 'look at it again, and accept that one' },
  );
}
