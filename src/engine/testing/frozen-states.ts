import { ConfigurationError } from '#platform';
import type { KeyValueStore } from '../store/key-value-store.ts';
import type { Node, ProcessorNode } from '../topology/node.ts';
import type { Ports, ProcessorContext, StoreSpecs } from '../topology/processor.ts';
import type { Topology } from '../topology/topology.ts';

type Context = ProcessorContext<Ports, StoreSpecs>;

/** What V8 says of a change to an object that is frozen. */
const FROZEN = /read only property|not extensible|Cannot (delete|redefine) property/;

/**
 * The topology with the states of its aggregates frozen: one whose `add` changes a state in place, which a task in
 * production would not notice before others have seen it, fails. Errors of its handlers: MR_TOPOLOGY_INVALID, which
 * is no record's and ends the run. Maps, sets and typed arrays can't be frozen: a change within one is not found.
 */
export function withFrozenStates(topology: Topology): Topology {
  const subTopologies = topology.subTopologies.map((subTopology) => {
    const nodes = subTopology.nodes.map(withFrozen);
    return { ...subTopology, nodes, processors: nodes.filter((node) => node.kind === 'processor') };
  });
  return { ...topology, subTopologies };
}

function withFrozen(node: Node): Node {
  if (node.kind !== 'processor' || node.spec.foldsStates !== true) return node;
  const contexts = new WeakMap<Context, Context>();
  const run = (handle: (context: Context) => void, context: Context) => {
    const known = contexts.get(context) ?? frozenContext(context);
    contexts.set(context, known);
    try {
      handle(known);
    } catch (error) {
      throw isOfFrozen(error) ? mutated(node, error) : error;
    }
  };
  const { spec } = node;
  const { onTimer } = spec;
  const process: ProcessorNode['spec']['process'] = Object.fromEntries(
    Object.entries(spec.process).map(([port, handle]) => [
      port,
      (record, context) => run((frozen) => handle(record, frozen), context),
    ]),
  );
  return {
    ...node,
    spec: {
      ...spec,
      process,
      ...(onTimer !== undefined && {
        onTimer: (key: string, dueMs: number, context: Context) =>
          run((frozen) => onTimer(key, dueMs, frozen), context),
      }),
    },
  };
}

function frozenContext(context: Context): Context {
  const stores = Object.entries(context.stores).map(([name, store]) => [name, frozenStore(store)]);
  return {
    stores: Object.fromEntries(stores) as Context['stores'],
    get watermark() {
      return context.watermark;
    },
    get wallNow() {
      return context.wallNow;
    },
    emit: context.emit,
    setTimer: context.setTimer,
    clearTimer: context.clearTimer,
    setWallTimer: context.setWallTimer,
    clearWallTimer: context.clearWallTimer,
    drop: context.drop,
  };
}

function frozenStore(store: KeyValueStore<unknown>): KeyValueStore<unknown> {
  return {
    get: (key) => frozen(store.get(key)),
    timestamp: (key) => store.timestamp(key),
    *prefix(prefix) {
      for (const [key, value] of store.prefix(prefix)) yield [key, frozen(value)];
    },
    put: (key, value, timestamp) => store.put(key, frozen(value), timestamp),
    delete: (key, timestamp) => store.delete(key, timestamp),
  };
}

function frozen<V>(value: V): V {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value;
  Object.freeze(value);
  for (const each of Object.values(value)) frozen(each);
  return value;
}

function isOfFrozen(error: unknown): boolean {
  return error instanceof TypeError && FROZEN.test(error.message);
}

function mutated({ name }: ProcessorNode, cause: unknown): ConfigurationError {
  return new ConfigurationError('MR_TOPOLOGY_INVALID', `${name} changes a state in place`, {
    hint: 'return a new state: the one that it was given has been emitted, and others may hold it',
    cause,
  });
}
