import type { TopicSpec } from '#log';
import type { Topic } from '../serde.ts';
import { TOMBSTONE_RETENTION_MS } from './builder.ts';
import { arrivalDependentNodes, type Node } from './node.ts';
import { invalid, type SubTopology, type Topology } from './topology.ts';

export type ShadowOptions = {
  /** Takes the topology's place in the names of stores, topics, the group and transactions. */
  readonly name: string;
  /**
   * Repeats sub-topologies whose state depends on arrival as well. Without it what they have written is taken as it was
   * recorded: a decision that depended on the clock is a fact, and not derived.
   */
  readonly withArrival?: boolean;
};

export type Shadow = {
  readonly topology: Topology;
  /** Sub-topologies that are not repeated, with the operators for which they are not. */
  readonly recorded: readonly { readonly subTopology: string; readonly operators: readonly string[] }[];
  /** Topics that it reads and does not write itself; `isTable`: read whole, whatever the range of a replay. */
  // biome-ignore lint/suspicious/noExplicitAny: topics of any types.
  readonly inputs: readonly { readonly topic: Topic<any, any>; readonly isTable: boolean }[];
  /** The topics that it writes, by the names of those that the original writes in their place. */
  readonly topics: ReadonlyMap<string, string>;
};

/**
 * A topology beside itself: it reads what the original reads, and writes everything, its outputs included, to topics of
 * its own. Names of tasks, operators and stores stay, so that both can be compared; partitions of a topic, too. Errors:
 * MR_TOPOLOGY_INVALID where nothing is left to repeat.
 */
export function shadowOf(original: Topology, { name, withArrival = false }: ShadowOptions): Shadow {
  const recorded = original.subTopologies
    .map(({ name: subTopology, nodes }) => ({ subTopology, operators: arrivalDependentNodes(nodes) }))
    .filter(({ operators }) => operators.length > 0 && !withArrival);
  const left = new Set(recorded.map(({ subTopology }) => subTopology));
  const repeated = original.subTopologies.filter((each) => !left.has(each.name));
  if (repeated.length === 0)
    throw invalid(
      `all state of ${original.name} depends on arrival: there is nothing that the log alone repeats`,
    );
  const prefix = `${name}-${original.generation}-`;
  const own = new Map(
    writtenBy(original, repeated).map((spec) => {
      const rest = withoutPrefix(spec.name, `${original.name}-${original.generation}-`);
      return [spec.name, { ...spec, name: prefix + rest }];
    }),
  );
  const renamed = (topic: string) => own.get(topic)?.name ?? topic;
  const topology: Topology = {
    name,
    generation: original.generation,
    subTopologies: repeated.map((subTopology) => moved(subTopology, renamed)),
    internalTopics: [...own.values()],
  };
  const written = new Set(topology.internalTopics.map((topic) => topic.name));
  const inputs = topology.subTopologies
    .flatMap(({ sources }) => sources)
    .filter(({ topic }) => !written.has(topic.name))
    .map(({ topic, role }) => ({ topic, isTable: role === 'table' }));
  return {
    topology,
    recorded,
    inputs: [...new Map(inputs.map((each) => [each.topic.name, each])).values()],
    topics: new Map(Array.from(own, ([name, spec]) => [name, spec.name])),
  };
}

/** Every topic that the sub-topologies write, each once. */
function writtenBy(original: Topology, repeated: readonly SubTopology[]): readonly TopicSpec[] {
  const internal = new Map(original.internalTopics.map((spec) => [spec.name, spec]));
  const written = new Map<string, TopicSpec>();
  for (const { sinks, stores, partitions } of repeated) {
    for (const { topic } of sinks) {
      const { name, partitions: count, cleanup } = internal.get(topic.name) ?? topic;
      written.set(topic.name, { name, partitions: count, cleanup });
    }
    for (const { changelog: name, logged } of stores) {
      const cleanup = { policy: 'compact', tombstoneRetentionMs: TOMBSTONE_RETENTION_MS } as const;
      if (logged && !written.has(name))
        written.set(name, internal.get(name) ?? { name, partitions, cleanup });
    }
  }
  return [...written.values()];
}

function moved(subTopology: SubTopology, renamed: (topic: string) => string): SubTopology {
  const nodes = subTopology.nodes.map((node): Node => {
    if (node.kind !== 'source' && node.kind !== 'sink') return node;
    return { ...node, topic: { ...node.topic, name: renamed(node.topic.name) } } as Node;
  });
  return {
    ...subTopology,
    nodes,
    sources: nodes.filter((node) => node.kind === 'source'),
    sinks: nodes.filter((node) => node.kind === 'sink'),
    stores: subTopology.stores.map((store) => ({ ...store, changelog: renamed(store.changelog) })),
  };
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
