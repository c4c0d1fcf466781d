import { invariant } from '#platform';
import { GlobalJoinOperator, type GlobalRows } from '../operators/global-join.ts';
import { LastPerKeyOperator } from '../operators/last-per-key.ts';
import { MergeOperator } from '../operators/merge.ts';
import { type Operator, Output } from '../operators/operator.ts';
import type { OperatorFlow } from '../operators/operator-flow.ts';
import type { Outbox } from '../operators/outbox.ts';
import { ProcessorOperator, type Timers } from '../operators/processor.ts';
import type { RecordList } from '../operators/record.ts';
import { SinkOperator } from '../operators/sink.ts';
import { SourceOperator } from '../operators/source.ts';
import { StatelessOperator } from '../operators/stateless.ts';
import type { CachedStore } from '../store/cached-store.ts';
import { leastOf, Timeline } from '../time/timeline.ts';
import type { Node, Outlet, ProcessorNode } from '../topology/node.ts';
import { timeInputsOf } from '../topology/time.ts';
import type { SubTopology } from '../topology/topology.ts';
import type { TaskState } from './restore/state.ts';

const NO_TIMERS: Timers = { event: undefined, wall: undefined };

/** A list that a batch fills, cleared after the batch. */
type Emptied = { clear(): void };

type Built = {
  readonly operators: readonly Operator[];
  readonly sources: ReadonlyMap<string, SourceOperator>;
  readonly inputLists: readonly Emptied[];
  /** The watermark of each node, by name. */
  readonly times: ReadonlyMap<string, Timeline>;
};

/** Builds the operators of a task and connects each one's outputs to the downstream inputs. */
export function buildOperators(
  topology: SubTopology,
  partition: number,
  state: TaskState,
  timers: ReadonlyMap<string, Timers>,
  outbox: Outbox,
  flow: OperatorFlow,
  globalRows: (topic: string) => GlobalRows,
  sourceTimes: ReadonlyMap<string, Timeline>,
): Built {
  const times = new Map(sourceTimes);
  /** The watermark that leaves a node, where the node holds it back. */
  const timesAfter = new Map<string, Timeline>();
  const timeInputs = timeInputsOf(topology.nodes);
  const timeOf = (node: Node): Timeline => {
    const inputs = (timeInputs.get(node.name) ?? []).map(
      (name) => timesAfter.get(name) ?? (times.get(name) as Timeline),
    );
    const time = times.get(node.name) ?? leastOf(inputs);
    times.set(node.name, time);
    return time;
  };
  const holdBack = (node: Node, startMs: number): Timeline => {
    const time = new Timeline();
    time.startAt(startMs);
    timesAfter.set(node.name, time);
    return time;
  };
  const outputs = new Map<string, Output>();
  const outputOf = ({ node, output }: Outlet) => {
    const name = `${node}/${output}`;
    const known = outputs.get(name) ?? new Output();
    outputs.set(name, known);
    return known;
  };
  const sources = new Map<string, SourceOperator>();
  const inputLists: Emptied[] = [];
  const connect = (node: string, from: Outlet, input: RecordList) => {
    outputOf(from).connect(input);
    inputLists.push(input);
    flow.connect(node, input, from);
  };
  const build = (node: Node): Operator => {
    const time = timeOf(node);
    const out = () => outputOf({ node: node.name, output: 'out' });
    const wired = <O extends Operator & { readonly input: RecordList }>(operator: O, from: Outlet): O => {
      connect(node.name, from, operator.input);
      return operator;
    };
    switch (node.kind) {
      case 'source': {
        const operator = new SourceOperator(node, out());
        sources.set(node.name, operator);
        inputLists.push(operator.input);
        flow.connect(node.name, operator.input);
        return operator;
      }
      case 'stateless':
        return wired(new StatelessOperator(node, out()), node.input);
      case 'merge': {
        const operator = new MergeOperator(node.inputs.length, out());
        for (const [i, from] of node.inputs.entries())
          connect(node.name, from, operator.inputs[i] as RecordList);
        return operator;
      }
      case 'last-per-key':
        return wired(new LastPerKeyOperator(node, out(), time, holdBack(node, time.last)), node.input);
      case 'global-join':
        return wired(new GlobalJoinOperator(node, globalRows(node.table.name), out()), node.input);
      case 'sink':
        return wired(new SinkOperator(node, outbox, partition, topology.sources), node.input);
      case 'processor': {
        const named = Object.keys(node.spec.outputs).map((output): [string, Output] => [
          output,
          outputOf({ node: node.name, output }),
        ]);
        const stores = storesOf(node, state);
        const own = timers.get(node.name) ?? NO_TIMERS;
        const held = own.event && holdBack(node, Math.min(time.last, own.event.leastHold));
        const operator = new ProcessorOperator(node, stores, own, new Map(named), time, held ?? time);
        for (const [port, [, from]] of node.inputs.entries()) {
          connect(node.name, from, operator.inputs[port] as RecordList);
        }
        return operator;
      }
    }
  };
  return { operators: topology.nodes.map(build), sources, inputLists, times };
}

function storesOf(node: ProcessorNode, state: TaskState): Map<string, CachedStore<unknown>> {
  return new Map(
    Object.keys(node.spec.stores).map((name) => {
      const store = state.store(`${node.name}/${name}`);
      invariant(store !== undefined, `store ${node.name}/${name} was not opened`);
      return [name, store];
    }),
  );
}
