import { inputsOf, type Node, type SourceNode } from './node.ts';
import { invalid, type SubTopology } from './topology.ts';

/**
 * Which way time flows through a topology. An operator's watermark is the least of those that leave its inputs; a table does
 * not hold back a stream, since it may rest for days, and tables alone go by the least of their own.
 */
export type TimeKind = 'stream' | 'table';

/** The sources that a task's watermark waits for. */
export function holdingTime(sources: readonly SourceNode[]): readonly SourceNode[] {
  const streams = sources.filter(({ time }) => time === 'stream');
  return streams.length > 0 ? streams : sources;
}

/** The kind of time at each of `nodes`, by name; inputs come before the nodes that they feed. */
export function timeKindsOf(nodes: Iterable<Node>): ReadonlyMap<string, TimeKind> {
  const kinds = new Map<string, TimeKind>();
  for (const node of nodes) {
    const hasStream = inputsOf(node).some((input) => kinds.get(input.node) === 'stream');
    kinds.set(node.name, node.kind === 'source' ? node.time : hasStream ? 'stream' : 'table');
  }
  return kinds;
}

/** For each of `nodes`, by name: the nodes whose watermarks it waits for. */
export function timeInputsOf(nodes: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  const kinds = timeKindsOf(nodes);
  return new Map(
    nodes.map((node): [string, readonly string[]] => {
      const inputs = [...new Set(inputsOf(node).map((input) => input.node))];
      return [node.name, inputs.filter((input) => kinds.get(input) === kinds.get(node.name))];
    }),
  );
}

/** Errors: MR_TOPOLOGY_INVALID where an operator's watermark waits for itself, through topics: it would never move. */
export function assertTimeFlows(subTopologies: readonly SubTopology[]): void {
  const waitsFor = new Map<string, readonly string[]>();
  const sinks = subTopologies.flatMap((each) => each.sinks);
  for (const { nodes, sources } of subTopologies) {
    for (const [name, inputs] of timeInputsOf(nodes)) waitsFor.set(name, inputs);
    for (const source of sources) {
      const writers = sinks.filter(({ topic }) => topic.name === source.topic.name).map(({ name }) => name);
      const leaders = holdingTime(sources).filter(({ release }) => release === 'on-arrival');
      waitsFor.set(source.name, [
        ...(source.watermark === 'carried' ? writers : []),
        ...(source.release === 'at-watermark' ? leaders.map(({ name }) => name) : []),
      ]);
    }
  }
  const flowing = new Set<string>();
  const follow = (name: string, path: readonly string[]): void => {
    if (flowing.has(name)) return;
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].reverse();
      throw invalid(`the watermark of ${name} waits for itself, and never moves: ${cycle.join(' -> ')}`);
    }
    for (const next of waitsFor.get(name) ?? []) follow(next, [...path, name]);
    flowing.add(name);
  };
  for (const name of waitsFor.keys()) follow(name, []);
}
