import { type Clock, errorCode } from '#platform';
import type { FlowRecord } from '../operators/record.ts';
import type { KeyValueStore } from '../store/key-value-store.ts';
import type { Node, Outlet, ProcessorNode, SourceNode } from '../topology/node.ts';
import type { StoreDefinition, SubTopology, Topology } from '../topology/topology.ts';
import { journalledSnapshot, type TaskPlace } from './journal-reader.ts';
import { rebuildTask } from './rebuild.ts';
import type { ScratchOptions } from './scratch-task.ts';
import { verifyTask } from './verify.ts';

/** A record that was read, or a timer that was due, and what it made of a row. */
export type TraceStep = {
  readonly cause: TracedRecord | { readonly timer: string; readonly dueMs: number };
  /** Event time of the change, ms. */
  readonly timestamp: number;
  /** The row after it; null where it was removed. */
  readonly value: unknown;
};

export type TracedRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: unknown;
  readonly value: unknown;
};

export type Trace = {
  readonly steps: readonly TraceStep[];
  /**
   * 'journal': as the task took its records; 'rebuild': as the log alone has them, merged by time, since the journal
   * does not go back to the beginning, or this code does not repeat it.
   */
  readonly by: 'journal' | 'rebuild';
};

export type TraceOptions = ScratchOptions & { readonly topology: Topology; readonly clock: Clock };

/**
 * What made a row: the task is repeated on a scratch copy, and each change that a handler makes to the row is noted with
 * the record that it handled. A row that goes by its time to live leaves no step. Errors: those of rebuildTask, where the
 * journal is not whole.
 */
export async function traceRow(
  place: TaskPlace,
  store: StoreDefinition,
  key: string,
  options: TraceOptions,
): Promise<Trace> {
  const traced = () => {
    const steps: TraceStep[] = [];
    const subTopology = tracedSubTopology(place, store, key, (step) => void steps.push(step));
    return { steps, place: { ...place, subTopology } };
  };
  const replayed = traced();
  try {
    const { difference } = await verifyTask(replayed.place, options);
    // It stops at the first: with other code than has run, the journal says nothing beyond.
    if (difference === undefined) return { steps: replayed.steps, by: 'journal' };
  } catch (error) {
    if (!INCOMPLETE.has(errorCode(error) ?? '')) throw error;
  }
  const target = await journalledSnapshot(options.log, options.topology, place);
  const rebuilt = traced();
  if (target !== undefined) await rebuildTask(rebuilt.place, target, { ...options, force: true });
  return { steps: rebuilt.steps, by: 'rebuild' };
}

const INCOMPLETE: ReadonlySet<string> = new Set(['MR_JOURNAL_INCOMPLETE', 'MR_VERIFY_INPUT_GONE']);

/** The operators with one more after each source, which notes what was read, and with handlers that tell of the row. */
function tracedSubTopology(
  { subTopology, partition }: TaskPlace,
  store: StoreDefinition,
  key: string,
  tell: (step: TraceStep) => void,
): SubTopology {
  /** Records of the batch, by their sequence in it. */
  const read: TracedRecord[] = [];
  const noteName = ({ name }: SourceNode) => `${name}/traced`;
  const renamed = new Map(subTopology.sources.map((source) => [source.name, noteName(source)]));
  const behind = (outlet: Outlet): Outlet => ({ ...outlet, node: renamed.get(outlet.node) ?? outlet.node });
  const noting = (source: SourceNode): Node => ({
    kind: 'stateless',
    name: noteName(source),
    input: { node: source.name, output: 'out' },
    apply: (record, emit) => {
      const { raw, sequence, key: recordKey, value } = record;
      const offset = raw?.batch.offset(raw.index) ?? -1;
      read[sequence] = { topic: source.topic.name, partition, offset, key: recordKey, value };
      emit(value);
    },
  });
  const nodes = subTopology.nodes.flatMap((node): Node[] => {
    if (node.kind === 'source') return [node, noting(node)];
    if (node.kind === 'merge') return [{ ...node, inputs: node.inputs.map(behind) }];
    if (node.kind !== 'processor') return [{ ...node, input: behind(node.input) }];
    const inputs = node.inputs.map(([port, from]) => [port, behind(from)] as const);
    const spec = node.name === store.node ? observed(node.spec, store, key, read, tell) : node.spec;
    return [{ ...node, inputs, spec }];
  });
  return { ...subTopology, nodes, processors: nodes.filter((node) => node.kind === 'processor') };
}

type Spec = ProcessorNode['spec'];
type Context = Parameters<NonNullable<Spec['onTimer']>>[2];

function observed(
  spec: Spec,
  store: StoreDefinition,
  key: string,
  read: readonly TracedRecord[],
  tell: (step: TraceStep) => void,
): Spec {
  const name = store.name.slice(store.node.length + 1);
  const run = (context: Context, cause: () => TraceStep['cause'], handle: (context: Context) => void) => {
    let change: { readonly value: unknown; readonly timestamp: number } | undefined;
    const note = (value: unknown, timestamp: number) => {
      change = { value, timestamp };
    };
    handle(watching(context, name, key, note));
    // It read what was not loaded, and runs again.
    if ((context as { missing?: unknown }).missing !== undefined || change === undefined) return;
    const { value, timestamp } = change;
    // A copy: states may be changed in place later.
    const copy = value === null ? null : store.spec.value.decode(store.spec.value.encode(value));
    tell({ cause: cause(), timestamp, value: copy });
  };
  const process = Object.fromEntries(
    Object.entries(spec.process).map(([port, handler]) => [
      port,
      (record: FlowRecord, context: Context) =>
        run(
          context,
          () => causeOf(record, read),
          (watched) => handler?.(record as never, watched),
        ),
    ]),
  );
  const { onTimer, onWallTimer } = spec;
  const timed = (handler: NonNullable<Spec['onTimer']>) => (timer: string, dueMs: number, context: Context) =>
    run(
      context,
      () => ({ timer, dueMs }),
      (watched) => handler(timer, dueMs, watched),
    );
  return {
    ...spec,
    process,
    ...(onTimer && { onTimer: timed(onTimer) }),
    ...(onWallTimer && { onWallTimer: timed(onWallTimer) }),
  } as Spec;
}

function causeOf({ timer, sequence }: FlowRecord, read: readonly TracedRecord[]): TraceStep['cause'] {
  if (timer !== undefined) return { timer: timer.key, dueMs: timer.dueMs };
  return read[sequence] as TracedRecord;
}

/** The context of a handler, with a store that tells of changes to the key. */
function watching(
  context: Context,
  name: string,
  key: string,
  note: (value: unknown, timestamp: number) => void,
): Context {
  const store = context.stores[name] as KeyValueStore<unknown>;
  const watched: KeyValueStore<unknown> = {
    get: (each) => store.get(each),
    timestamp: (each) => store.timestamp(each),
    prefix: (prefix) => store.prefix(prefix),
    put: (each, value, timestamp) => {
      store.put(each, value, timestamp);
      if (each === key) note(value, timestamp);
    },
    delete: (each, timestamp) => {
      store.delete(each, timestamp);
      if (each === key) note(null, timestamp);
    },
  };
  const stores = { ...context.stores, [name]: watched };
  return new Proxy(context, {
    get: (target, property) => {
      if (property === 'stores') return stores;
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
