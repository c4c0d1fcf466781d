import type { TopicSpec } from '#log';
import type { FlowRecord } from '../operators/record.ts';
import type { Serde, Topic } from '../serde.ts';
import type { Ports, ProcessorSpec, StoreSpecs } from './processor.ts';
import type { TimeKind } from './time.ts';

/** An output of a node: what a downstream input is connected to. */
export type Outlet = { readonly node: string; readonly output: string };

/** Where a source's watermark comes from. */
export type WatermarkPolicy =
  /**
   * Producers outside: the newest timestamp less this bound, or what a producer's own header says. A record that is
   * stamped further ahead of the wall clock than `futureMs` does not move it: one wrong clock would make everybody late.
   */
  | { readonly outOfOrderMs: number; readonly futureMs?: number }
  /** Written by a topology: only the headers count. */
  | 'carried';

export type SourceNode = {
  readonly kind: 'source';
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: nodes are heterogeneous; the builder's streams carry the types.
  readonly topic: Topic<any, any>;
  /** A table's records may be tombstones. */
  readonly role: 'stream' | 'table';
  /** Whether its watermark holds back those after it as a stream's does: see TimeKind. */
  readonly time: TimeKind;
  readonly watermark: WatermarkPolicy;
  /**
   * 'at-watermark': a record is read when the watermark of the task's other inputs has passed its timestamp; the
   * topic is the waiting room, and no state is needed for it.
   */
  readonly release: 'on-arrival' | 'at-watermark';
  /** What becomes of a record without a key: an error of that record, or a null key. */
  readonly nullKeys: 'reject' | 'keep';
  /** What becomes of a stream's record without a value: an error of that record, or a null value. */
  readonly nullValues: 'reject' | 'keep';
  /** What becomes of a record that lies further ahead of the wall clock than the watermark policy's `futureMs`. */
  readonly future: 'reject' | 'pass';
};

export type StatelessNode = {
  readonly kind: 'stateless';
  readonly name: string;
  readonly input: Outlet;
  /** Emits what becomes of one record; what it throws sends the record to the dead letters. */
  readonly apply: (record: FlowRecord, emit: (value: unknown) => void) => void;
};

/** Several streams as one. */
export type MergeNode = { readonly kind: 'merge'; readonly name: string; readonly inputs: readonly Outlet[] };

/** Holds the last record of each key until the commit. */
export type LastPerKeyNode = {
  readonly kind: 'last-per-key';
  readonly name: string;
  readonly input: Outlet;
  readonly keyOf: (record: FlowRecord) => string;
};

export type ProcessorNode = {
  readonly kind: 'processor';
  readonly name: string;
  /** In the order of ports: records of equal sequence are processed in this order. */
  readonly inputs: readonly (readonly [port: string, from: Outlet])[];
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly spec: ProcessorSpec<any, Ports, StoreSpecs>;
};

/** A join of a stream with a global table: the row's key is chosen from the record, and every process has all rows. */
export type GlobalJoinNode = {
  readonly kind: 'global-join';
  readonly name: string;
  readonly input: Outlet;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly table: Topic<any, any>;
  /** 'left': a record that names no row, or one that is not there, is joined with null. */
  readonly type: 'inner' | 'left';
  /** The text of the row's key; null names none. */
  readonly keyOf: (record: FlowRecord) => string | null;
  readonly join: (value: unknown, row: unknown) => unknown;
};

export type SinkNode = {
  readonly kind: 'sink';
  readonly name: string;
  readonly input: Outlet;
  readonly topic: TopicSpec;
  /** Key of the output record; for a repartition topic, the new one. */
  readonly keyOf: (record: FlowRecord) => string | null;
  readonly value: Serde<unknown>;
  /** 'by-key': Kafka's default partitioner. 'same': the task's own partition. */
  readonly partitioning: 'by-key' | 'same';
  /** Whether partitions without records get the watermark in a record of their own. */
  readonly heartbeat: boolean;
  /** 'drop': a record without a key has no place there, and is counted. 'reject': it is an error of that record. */
  readonly nullKeys: 'keep' | 'drop' | 'reject';
};

export type Node =
  | SourceNode
  | StatelessNode
  | MergeNode
  | LastPerKeyNode
  | ProcessorNode
  | GlobalJoinNode
  | SinkNode;

/** Names of the nodes whose records depend on when they arrived. */
export function arrivalDependentNodes(nodes: readonly Node[]): string[] {
  return nodes
    .filter(
      (node) =>
        node.kind === 'global-join' || (node.kind === 'processor' && node.spec.dependsOnArrival === true),
    )
    .map(({ name }) => name);
}

/** The topics of the global tables that nodes read, each once. */
export function globalTopicsOf(nodes: readonly Node[]): GlobalJoinNode['table'][] {
  const topics = nodes.flatMap((node) => (node.kind === 'global-join' ? [node.table] : []));
  return [...new Set(topics)];
}

/** The nodes that feed `node`. */
export function inputsOf(node: Node): readonly Outlet[] {
  if (node.kind === 'source') return [];
  if (node.kind === 'merge') return node.inputs;
  return node.kind === 'processor' ? node.inputs.map(([, from]) => from) : [node.input];
}
