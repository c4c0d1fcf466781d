import { deadLetterTopic, type Migrations, type RuntimeOptions, type Topology } from '#engine';
import type { Log, OpenedLog } from '#log';
import { ConfigurationError, importUserModule, MillraceError } from '#platform';
import { topics as catalogue } from '#schemas';
import { openTopics, type TopologyContext } from '#topologies';

export type Declared = Pick<RuntimeOptions, 'topology' | 'migrations'>;

/** The product's topics that producers from outside write to. */
const INPUTS: ReadonlySet<string> = new Set(['interactions', 'items', 'users']);

/** The product's topologies, and the topics that the engine makes for them. */
const PRODUCT_NAME = /^(?:loop|view)(?:-|$)/;

/**
 * The topology that a module declares: its default export is one, or a function that returns one, or a promise of it. Its
 * export `migrations` says what to do about state that the topology no longer fits. Errors: ConfigurationError
 * MR_TOPOLOGY_MODULE, MR_TOPOLOGY_CLASH; what the engine has against the declaration, such as MR_TOPOLOGY_INVALID.
 */
export async function topologyOfModule(
  path: string,
  { log, registry }: Pick<OpenedLog, 'log' | 'registry'>,
): Promise<Declared> {
  const refuse = (what: string, cause?: unknown) =>
    cause instanceof MillraceError
      ? cause
      : new ConfigurationError('MR_TOPOLOGY_MODULE', `The module ${path} ${what}.`, {
          hint: 'Write `export default builder.build();`, or export a function that returns that: see docs/ENGINE.md.',
          cause,
        });
  const { default: exported, migrations } = await importUserModule(path, refuse);
  const topology = await built(exported, { registry, topics: () => openTopics(log, registry) }, refuse);
  if (!isTopology(topology)) throw refuse('has no topology as its default export');
  if (topology.subTopologies.length === 0) throw refuse('has a topology that reads nothing');
  refuseClash(topology);
  return { topology, ...(migrations !== undefined && { migrations: migrations as Migrations }) };
}

/**
 * The topology of a module to be run here, with the topics from outside that it reads and writes made where the log does
 * not have them. Errors: those of topologyOfModule.
 */
export async function openTopologyOfModule(
  path: string,
  { log, registry }: Pick<OpenedLog, 'log' | 'registry'>,
): Promise<Topology> {
  const { topology } = await topologyOfModule(path, { log, registry });
  await log.createTopics([await deadLetterTopic(registry)]);
  await createOutsideTopics(log, topology);
  return topology;
}

async function createOutsideTopics(log: Log, { subTopologies, internalTopics }: Topology): Promise<void> {
  const taken = new Set([...internalTopics, ...(await log.describeTopics())].map(({ name }) => name));
  const used = subTopologies.flatMap(({ sources, sinks, nodes }) => [
    ...[...sources, ...sinks].map(({ topic }) => topic),
    ...nodes.flatMap((node) => (node.kind === 'global-join' ? [node.table] : [])),
  ]);
  const missing = new Map(used.filter(({ name }) => !taken.has(name)).map((topic) => [topic.name, topic]));
  await log.createTopics([...missing.values()]);
}

async function built(
  exported: unknown,
  context: TopologyContext,
  refuse: (what: string, cause?: unknown) => unknown,
): Promise<unknown> {
  if (typeof exported !== 'function') return exported;
  try {
    return await exported(context);
  } catch (cause) {
    throw refuse(`throws: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function isTopology(value: unknown): value is Topology {
  return typeof value === 'object' && value !== null && 'subTopologies' in value && 'internalTopics' in value;
}

function refuseClash({ name, subTopologies }: Topology): void {
  if (PRODUCT_NAME.test(name)) throw clash(`The topology is called ${name}, as one of the product’s own`);
  for (const { topic } of subTopologies.flatMap(({ sinks }) => sinks)) {
    const isProduct = Object.hasOwn(catalogue, topic.name) || PRODUCT_NAME.test(topic.name);
    if (isProduct && !INPUTS.has(topic.name))
      throw clash(`The topology ${name} writes to ${topic.name}, which the product’s own processes write`);
  }
}

function clash(message: string): ConfigurationError {
  return new ConfigurationError('MR_TOPOLOGY_CLASH', `${message}.`, {
    hint: 'Give the topology and the topics that it writes names of their own; any topic may be read.',
  });
}
