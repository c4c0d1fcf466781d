import type { Log, TopicDescription } from '#log';
import { ConfigurationError, type Logger } from '#platform';
import type { DatabaseProvider } from '../../store/port.ts';
import type { Topology } from '../topology.ts';
import { changesBetween, describeChange, type StateChange } from './changes.ts';
import { encodeManifest, type Manifest, manifestOf, manifestTopic, readManifest } from './manifest.ts';
import { Migration } from './migration.ts';
import { type Migrations, Planner } from './plan.ts';

export type AcceptanceOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly databases: DatabaseProvider;
  readonly logger: Logger;
  readonly migrations?: Migrations;
};

/**
 * Compares a topology with what its last start has left in the log, and creates its topics. State that was renamed,
 * retyped or repartitioned would silently be lost, or be read as what it is not: without a choice for each such change
 * the start is refused. Errors: MR_TOPOLOGY_STATE_CHANGED, MR_TOPOLOGY_INVALID where a source has another number of
 * partitions than declared, MR_TOPOLOGY_MIGRATION_BUSY.
 */
export async function acceptTopology(options: AcceptanceOptions): Promise<void> {
  const { log, topology } = options;
  const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
  checkTopics(topology, existing);
  const known = existing.has(manifestTopic(topology).name) ? await readManifest(log, topology) : undefined;
  const { carriedFrom } = known ?? {};
  const is = { ...manifestOf(topology), ...(carriedFrom !== undefined && { carriedFrom }) };
  const was = known ?? manifestOfTopics(is, existing);
  const changes = changesBetween(was, is);
  if (changes.length > 0) return migrate(options, { was, is }, changes, existing);
  await log.createTopics(topology.internalTopics);
  if (JSON.stringify(known) === JSON.stringify(is)) return;
  await log.createTopics([manifestTopic(topology)]);
  const producer = await log.producer();
  try {
    await producer.append(manifestTopic(topology).name, 0, [{ ...encodeManifest(is), timestamp: 0 }]);
  } finally {
    await producer.close();
  }
}

async function migrate(
  { log, topology, databases, logger, migrations = {} }: AcceptanceOptions,
  { was, is }: { readonly was: Manifest; readonly is: Manifest },
  changes: readonly StateChange[],
  existing: ReadonlyMap<string, TopicDescription>,
): Promise<void> {
  const isComplete = (topic: string) =>
    existing.get(topic)?.offsets.every(({ start }) => start === 0) ?? true;
  const planner = new Planner(topology, { was, is }, migrations, isComplete);
  const { plan, unresolved } = planner.plan(changes);
  if (unresolved.length > 0) throw changed(topology, unresolved, { was, is });
  logger.warn(
    { topology: topology.name, changes: changes.map(({ kind, name }) => `${kind} ${name}`) },
    'state is migrated',
  );
  await Migration.run(log, topology, plan, is);
  // Local copies of what starts over under the same offsets would be taken for the new.
  const shapes = [...was.stores, ...is.stores].filter(({ changelog }) => plan.deleted.has(changelog));
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

/** Where nothing was written down yet: what the topics themselves show. */
function manifestOfTopics(is: Manifest, existing: ReadonlyMap<string, TopicDescription>): Manifest {
  return {
    version: 1,
    stores: is.stores
      .filter(({ changelog, isOwn }) => isOwn && existing.has(changelog))
      .map((store) => ({
        ...store,
        partitions: existing.get(store.changelog)?.partitions ?? store.partitions,
      })),
    repartitions: is.repartitions
      .filter(({ topic }) => existing.has(topic))
      .map((entry) => ({ ...entry, partitions: existing.get(entry.topic)?.partitions ?? entry.partitions })),
  };
}

function changed(
  { name, generation }: Topology,
  changes: readonly StateChange[],
  { was, is }: { readonly was: Manifest; readonly is: Manifest },
): ConfigurationError {
  const lines = changes.map((change) => describeChange(change, is, was));
  return new ConfigurationError(
    'MR_TOPOLOGY_STATE_CHANGED',
    `Topology ${name}, generation ${generation}, does not fit its existing state: ${lines.join('; ')}.`,
    {
      hint: `choose for each with the runtime’s option migrations, in a module for millrace run its export of that name: rename keeps the rows, rebuild rereads the inputs of the whole sub-topology from the start and rewrites its outputs, drop starts empty; or leave the state alone and declare generation ${generation + 1}, which is built beside it`,
    },
  );
}
