import type { NodeDescription, TopologyDescription } from '#engine';

/** Where the rows of a view come from. */
export type FeatureLineage = {
  /** Topics that reach the view, directly or through other processors, but for those between the tasks of its topology. */
  readonly topics: readonly string[];
  /** Processors on the way, the one that keeps the view last. */
  readonly processors: readonly string[];
  /** The store that holds the rows, such as `user-views/users`. */
  readonly store: string;
};

/** Lineage of the view whose rows the topology keeps in `topic`; undefined where it keeps none there. */
export function featureLineage(
  { subTopologies }: TopologyDescription,
  topic: string,
): FeatureLineage | undefined {
  const keeper = subTopologies.flatMap(({ stores }) => stores).find(({ changelog }) => changelog === topic);
  if (keeper === undefined) return undefined;
  const nodes = new Map(subTopologies.flatMap((part) => part.nodes).map((node) => [node.name, node]));
  const writers = new Map<string, NodeDescription[]>();
  for (const node of nodes.values()) {
    if (node.kind === 'sink') writers.set(node.topic, [...(writers.get(node.topic) ?? []), node]);
  }
  const topics = new Set<string>();
  const processors: string[] = [];
  const met = new Set<string>();
  const visit = (node: NodeDescription | undefined): void => {
    if (node === undefined || met.has(node.name)) return;
    met.add(node.name);
    if (node.kind === 'source') {
      const upstream = writers.get(node.topic) ?? [];
      if (node.topicRole === 'outside') topics.add(node.topic);
      for (const writer of upstream) visit(writer);
    }
    if (node.kind === 'global-join') topics.add(node.globalTable);
    for (const input of node.inputs) visit(nodes.get(input.node));
    if (node.kind === 'processor') processors.push(node.name);
  };
  visit(nodes.get(keeper.processor));
  return { topics: [...topics].sort(), processors, store: keeper.name };
}
