import type { TopicSpec } from '#log';
import { ConfigurationError } from '#platform';
import { inputsOf, type Node, type ProcessorNode, type SinkNode, type SourceNode } from './node.ts';
import type { StoreSpec } from './processor.ts';

/** A store with its place: one for each task of its sub-topology. */
export type StoreDefinition = {
  /** `<processor>/<store>`; unique within the topology. */
  readonly name: string;
  /** The processor's name. */
  readonly node: string;
  readonly spec: StoreSpec<unknown>;
  /** The topic that restores it; its partition is the task's. */
  readonly changelog: string;
  /** Whether the task writes the changelog (it does not for a copy of a source). */
  readonly logged: boolean;
};

/** The nodes between topics; with a partition it makes a task. */
export type SubTopology = {
  /** Its first node's name: stable when others are added. */
  readonly name: string;
  /** In an order in which each comes after its inputs. */
  readonly nodes: readonly Node[];
  readonly sources: readonly SourceNode[];
  readonly sinks: readonly SinkNode[];
  readonly processors: readonly ProcessorNode[];
  readonly stores: readonly StoreDefinition[];
  readonly partitions: number;
};

export type Topology = {
  readonly name: string;
  readonly generation: number;
  readonly subTopologies: readonly SubTopology[];
  /** Repartition topics and changelogs that the engine creates for itself. */
  readonly internalTopics: readonly TopicSpec[];
};

/** The names of timer stores beside a processor's own. */
export const TIMERS = 'timers';
export const WALL_TIMERS = 'wall-timers';

/** Splits a graph of nodes at its topics. */
export function splitIntoSubTopologies(
  nodes: readonly Node[],
  storesOf: (node: ProcessorNode) => readonly StoreDefinition[],
): SubTopology[] {
  return connectedComponents(nodes).map((members) => {
    const sources = members.filter((node) => node.kind === 'source');
    const [first] = sources;
    if (first === undefined) throw invalid(`${members[0]?.name} has no source`);
    for (const source of sources) {
      if (source.topic.partitions !== first.topic.partitions) {
        throw invalid(
          `${first.topic.name} has ${first.topic.partitions} partitions, ${source.topic.name} has ` +
            `${source.topic.partitions}, but records of one key must meet in one task`,
        );
      }
    }
    const waiting = sources.find(({ release }) => release === 'at-watermark');
    const leads = ({ time, release }: SourceNode) => time === 'stream' && release === 'on-arrival';
    if (waiting !== undefined && !sources.some(leads)) {
      throw invalid(`${waiting.name} waits for the watermark of other streams of its task, which has none`);
    }
    const processors = members.filter((node) => node.kind === 'processor');
    return {
      name: first.name,
      nodes: members,
      sources,
      processors,
      sinks: members.filter((node) => node.kind === 'sink'),
      stores: processors.flatMap(storesOf),
      partitions: first.topic.partitions,
    };
  });
}

/** Nodes joined by inputs, each group in declaration order, which is a topological one: inputs exist before their use. */
function connectedComponents(nodes: readonly Node[]): Node[][] {
  const group = new Map<string, Node[]>();
  for (const node of nodes) {
    const merged: Node[] = [];
    for (const { node: name } of inputsOf(node)) {
      const members = group.get(name);
      if (members !== undefined && !members.some((member) => merged.includes(member)))
        merged.push(...members);
    }
    merged.push(node);
    for (const member of merged) group.set(member.name, merged);
  }
  const order = new Map(nodes.map((node, index) => [node.name, index]));
  const position = (node: Node) => order.get(node.name) ?? 0;
  return [...new Set(group.values())].map((members) => members.sort((a, b) => position(a) - position(b)));
}

export function invalid(message: string): ConfigurationError {
  return new ConfigurationError('MR_TOPOLOGY_INVALID', message, {
    hint: 'change the declaration of the topology',
  });
}
