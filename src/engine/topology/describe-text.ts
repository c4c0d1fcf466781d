import type { NodeDescription, StoreDescription, TopologyDescription } from './describe.ts';

/** A topology for a reader at a terminal: each node with what feeds it, what it does, and what it feeds. */
export function topologyText(description: TopologyDescription): string {
  const { name, generation, subTopologies, globalTables } = description;
  const tasks = subTopologies.reduce((sum, { partitions }) => sum + partitions, 0);
  const stores = subTopologies.reduce((sum, each) => sum + each.stores.length, 0);
  const lines = [
    `Topology ${name}, generation ${generation}`,
    [
      counted(subTopologies.length, 'sub-topology', 'sub-topologies'),
      counted(tasks, 'task', 'tasks'),
      counted(stores, 'store', 'stores'),
      ...(globalTables.length > 0 ? [counted(globalTables.length, 'global table', 'global tables')] : []),
    ].join(', '),
  ];
  for (const sub of subTopologies) {
    lines.push('', `Sub-topology ${sub.name}: ${counted(sub.partitions, 'partition', 'partitions')}`);
    for (const node of sub.nodes) lines.push(...nodeLines(node, sub.stores, description));
  }
  return `${lines.join('\n')}\n`;
}

function nodeLines(
  node: NodeDescription,
  stores: readonly StoreDescription[],
  description: TopologyDescription,
): string[] {
  const own = stores.filter(({ processor }) => node.kind === 'processor' && processor === node.name);
  return [
    `  ${node.kind} ${node.name}${marksOf(node)}`,
    ...node.inputs.map(({ port, node: from, output }) => {
      const source = output === 'out' ? from : `${from}/${output}`;
      return `      <-- ${source}${port === 'in' || port === from ? '' : ` as ${port}`}`;
    }),
    ...topicLines(node, description).map((line) => `      ${line}`),
    ...own.map((store) => `      store ${store.name}: ${store.kind}, ${restoredFrom(store)}`),
    ...node.outputs.map(({ output, nodes }) => {
      const label = output === 'out' ? '' : `${output}: `;
      return `      --> ${label}${nodes.length === 0 ? 'nothing' : nodes.join(', ')}`;
    }),
  ];
}

function marksOf(node: NodeDescription): string {
  if (node.kind === 'global-join') return ' [depends on arrival]';
  if (node.kind !== 'processor') return '';
  return `${node.timers ? ' [timers]' : ''}${node.dependsOnArrival ? ' [state depends on arrival]' : ''}`;
}

function topicLines(node: NodeDescription, { subTopologies }: TopologyDescription): string[] {
  if (node.kind === 'source') {
    const { topic, topicRole, contents, watermark, release } = node;
    const kind = topicRole === 'repartition' ? 'repartition topic' : contents;
    const held = release === 'at-watermark' ? ['holds each record until the watermark has passed it'] : [];
    return [`reads ${kind} ${topic}`, watermarkText(watermark), ...held];
  }
  if (node.kind === 'global-join') {
    return [`reads global table ${node.globalTable}${node.type === 'left' ? ', or null' : ''}`];
  }
  if (node.kind !== 'sink') return [];
  const { topic, topicRole, partitions, partitioning, heartbeat } = node;
  const kind = topicRole === 'repartition' ? 'repartition topic' : 'topic';
  const readers = subTopologies.filter(({ nodes }) =>
    nodes.some((other) => other.kind === 'source' && other.topic === topic),
  );
  const spread =
    partitioning === 'same'
      ? 'in the partition read from'
      : `${counted(partitions, 'partition', 'partitions')} by key`;
  return [
    `writes ${kind} ${topic}, ${spread}${heartbeat ? ', with the watermark' : ''}`,
    ...readers.map(({ name }) => `==> sub-topology ${name}`),
  ];
}

function watermarkText(watermark: Extract<NodeDescription, { kind: 'source' }>['watermark']): string {
  if (watermark === 'carried') return 'watermark: carried by its records';
  const { outOfOrderMs, futureMs } = watermark;
  const bound = outOfOrderMs === 0 ? '' : ` less ${outOfOrderMs} ms`;
  const future = futureMs === undefined ? '' : `, none from more than ${futureMs} ms ahead`;
  return `watermark: the newest timestamp${bound}${future}`;
}

function restoredFrom({ restoredFrom, changelog }: StoreDescription): string {
  if (restoredFrom === 'copy') return `copy of topic ${changelog}`;
  return restoredFrom === 'output' ? `changelog is output topic ${changelog}` : `changelog ${changelog}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
