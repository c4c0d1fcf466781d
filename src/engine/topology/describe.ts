import type { Cleanup } from '#log';
import {
  type GlobalJoinNode,
  globalTopicsOf,
  inputsOf,
  type Node,
  type Outlet,
  type SourceNode,
} from './node.ts';
import { type StoreDefinition, type SubTopology, TIMERS, type Topology, WALL_TIMERS } from './topology.ts';

/** An edge into a node: the port that it arrives at and the output that it comes from. */
export type InputDescription = { readonly port: string; readonly node: string; readonly output: string };
/** An output of a node with the nodes that it feeds. */
export type OutputDescription = { readonly output: string; readonly nodes: readonly string[] };

export type TopicRole = 'outside' | 'repartition';

type NodeBase = {
  readonly name: string;
  readonly inputs: readonly InputDescription[];
  readonly outputs: readonly OutputDescription[];
};

export type NodeDescription = NodeBase &
  (
    | {
        readonly kind: 'source';
        readonly topic: string;
        readonly topicRole: TopicRole;
        readonly contents: SourceNode['role'];
        readonly watermark: SourceNode['watermark'];
        readonly release: SourceNode['release'];
      }
    | { readonly kind: 'stateless' | 'merge' | 'last-per-key' }
    | {
        readonly kind: 'processor';
        /** Full names of its stores. */
        readonly stores: readonly string[];
        readonly timers: boolean;
        /** A rebuild from the log can differ; only a replay of the journal is exact. */
        readonly dependsOnArrival: boolean;
      }
    | {
        readonly kind: 'global-join';
        /** The topic of a table that every member has whole. */
        readonly globalTable: string;
        readonly type: GlobalJoinNode['type'];
        /** What comes out depends on how far the table has been read. */
        readonly dependsOnArrival: true;
      }
    | {
        readonly kind: 'sink';
        readonly topic: string;
        readonly topicRole: TopicRole;
        readonly partitions: number;
        readonly partitioning: 'by-key' | 'same';
        readonly heartbeat: boolean;
      }
  );

export type StoreDescription = {
  /** `<processor>/<store>`. */
  readonly name: string;
  readonly processor: string;
  readonly kind: string;
  /** The topic that restores it. */
  readonly changelog: string;
  /** 'changelog': a topic of its own. 'output': a topic that carries its values anyway. 'copy': it copies a source. */
  readonly restoredFrom: 'changelog' | 'output' | 'copy';
};

export type SubTopologyDescription = {
  readonly name: string;
  readonly partitions: number;
  readonly nodes: readonly NodeDescription[];
  readonly stores: readonly StoreDescription[];
};

/** A topology as data: plain JSON, the same for the same declaration. */
export type TopologyDescription = {
  readonly name: string;
  readonly generation: number;
  readonly subTopologies: readonly SubTopologyDescription[];
  /** Topics that every member reads whole. */
  readonly globalTables: readonly string[];
  /** Topics that the engine makes for itself. */
  readonly internalTopics: readonly {
    readonly name: string;
    readonly partitions: number;
    readonly cleanup: Cleanup;
  }[];
};

/** What a topology consists of, in the order of its declaration (compare Kafka Streams' TopologyDescription). */
export function describeTopology(topology: Topology): TopologyDescription {
  const { name, generation, subTopologies, internalTopics } = topology;
  return {
    name,
    generation,
    subTopologies: subTopologies.map((each) => describeSubTopology(each, topology)),
    globalTables: globalTopicsOf(subTopologies.flatMap(({ nodes }) => nodes)).map((topic) => topic.name),
    internalTopics: internalTopics.map(({ name, partitions, cleanup }) => ({ name, partitions, cleanup })),
  };
}

function describeSubTopology(
  { name, partitions, nodes, stores }: SubTopology,
  topology: Topology,
): SubTopologyDescription {
  return {
    name,
    partitions,
    nodes: nodes.map((node) => describeNode(node, nodes, topology)),
    stores: stores.map((store) => describeStore(store, topology)),
  };
}

function describeNode(node: Node, all: readonly Node[], topology: Topology): NodeDescription {
  const base = { name: node.name, inputs: inputsAt(node), outputs: outputsOf(node, all) };
  switch (node.kind) {
    case 'source': {
      const { topic, role, watermark, release } = node;
      const topicRole = roleOf(topic.name, topology);
      return { ...base, kind: 'source', topic: topic.name, topicRole, contents: role, watermark, release };
    }
    case 'processor': {
      const { stores, onTimer, onWallTimer, dependsOnArrival = false } = node.spec;
      const timers = onTimer !== undefined || onWallTimer !== undefined;
      const named = Object.keys(stores).map((store) => `${node.name}/${store}`);
      return { ...base, kind: 'processor', stores: named, timers, dependsOnArrival };
    }
    case 'global-join': {
      const { table, type } = node;
      return { ...base, kind: 'global-join', globalTable: table.name, type, dependsOnArrival: true };
    }
    case 'sink': {
      const { topic, partitioning, heartbeat } = node;
      const written = {
        topic: topic.name,
        topicRole: roleOf(topic.name, topology),
        partitions: topic.partitions,
      };
      return { ...base, kind: 'sink', ...written, partitioning, heartbeat };
    }
    default:
      return { ...base, kind: node.kind };
  }
}

function inputsAt(node: Node): InputDescription[] {
  const ports = node.kind === 'processor' ? node.inputs.map(([port]) => port) : ['in'];
  return inputsOf(node).map((from, i) => ({ port: ports[i] ?? 'in', ...from }));
}

function outputsOf(node: Node, all: readonly Node[]): OutputDescription[] {
  if (node.kind === 'sink') return [];
  const names = node.kind === 'processor' ? Object.keys(node.spec.outputs) : ['out'];
  return names.map((output) => ({ output, nodes: fedBy({ node: node.name, output }, all) }));
}

function fedBy({ node, output }: Outlet, all: readonly Node[]): string[] {
  return all
    .filter((other) => inputsOf(other).some((from) => from.node === node && from.output === output))
    .map(({ name }) => name);
}

function describeStore({ name, spec, changelog, logged }: StoreDefinition, topology: Topology) {
  const [processor = '', store] = name.split('/');
  const isOwn = topology.internalTopics.some((topic) => topic.name === changelog);
  return {
    name,
    processor,
    kind: store === TIMERS || store === WALL_TIMERS ? 'timers' : (spec.kind ?? 'key-value'),
    changelog,
    restoredFrom: logged ? (isOwn ? ('changelog' as const) : ('output' as const)) : ('copy' as const),
  };
}

function roleOf(topic: string, { internalTopics }: Topology): TopicRole {
  return internalTopics.some(({ name }) => name === topic) ? 'repartition' : 'outside';
}
