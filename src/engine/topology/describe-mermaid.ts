import type { NodeDescription, StoreDescription, TopologyDescription } from './describe.ts';

/**
 * A topology as a Mermaid flowchart: sub-topologies are frames, topics parallelograms, stores cylinders. Names are
 * labels in quotes and ids are made up, so that no name can be taken for syntax.
 */
export function topologyMermaid(description: TopologyDescription): string {
  const ids = new Ids();
  const lines = ['flowchart TD'];
  for (const topic of topicsOf(description)) lines.push(`  ${ids.of('topic', topic)}[/${quoted(topic)}/]`);
  for (const [index, { name, partitions, nodes, stores }] of description.subTopologies.entries()) {
    lines.push(
      `  subgraph sub${index}[${quoted(`${name}, ${partitions} partition${partitions === 1 ? '' : 's'}`)}]`,
    );
    for (const node of nodes) lines.push(`    ${ids.of('node', node.name)}${shapeOf(node)}`);
    for (const store of stores)
      lines.push(`    ${ids.of('store', store.name)}[(${quoted(...storeLabel(store))})]`);
    lines.push('  end');
  }
  for (const { nodes, stores } of description.subTopologies) {
    for (const node of nodes) lines.push(...edgesOf(node, ids).map((edge) => `  ${edge}`));
    for (const { name, processor, restoredFrom, changelog } of stores) {
      lines.push(`  ${ids.of('node', processor)} --- ${ids.of('store', name)}`);
      if (restoredFrom === 'copy')
        lines.push(`  ${ids.of('topic', changelog)} -.-> ${ids.of('store', name)}`);
    }
  }
  const marked = description.subTopologies.flatMap(({ nodes }) =>
    nodes
      .filter((node) => 'dependsOnArrival' in node && node.dependsOnArrival)
      .map(({ name }) => ids.of('node', name)),
  );
  if (marked.length > 0) {
    lines.push('  classDef arrival stroke-dasharray: 4 3', `  class ${marked.join(',')} arrival`);
  }
  return `${lines.join('\n')}\n`;
}

/** Ids by order of first mention. */
class Ids {
  readonly #known = new Map<string, string>();

  of(kind: 'topic' | 'node' | 'store', name: string): string {
    const full = `${kind} ${name}`;
    const id = this.#known.get(full) ?? `${kind}${this.#known.size}`;
    this.#known.set(full, id);
    return id;
  }
}

/** Topics that are read or written, each once; changelogs are on the labels of their stores. */
function topicsOf({ subTopologies }: TopologyDescription): Set<string> {
  const topics = subTopologies.flatMap(({ nodes, stores }) => [
    ...nodes.flatMap((node) => {
      if (node.kind === 'global-join') return [node.globalTable];
      return node.kind === 'source' || node.kind === 'sink' ? [node.topic] : [];
    }),
    ...stores.flatMap(({ restoredFrom, changelog }) => (restoredFrom === 'copy' ? [changelog] : [])),
  ]);
  return new Set(topics);
}

function shapeOf(node: NodeDescription): string {
  if (node.kind === 'source' || node.kind === 'sink') return `([${quoted(node.name)}])`;
  if (node.kind === 'global-join') return `[${quoted(node.name, 'depends on arrival')}]`;
  if (node.kind !== 'processor') return `(${quoted(node.name)})`;
  const marks = [
    ...(node.timers ? ['timers'] : []),
    ...(node.dependsOnArrival ? ['depends on arrival'] : []),
  ];
  return `[${quoted(node.name, ...marks)}]`;
}

function storeLabel({ name, kind, changelog, restoredFrom }: StoreDescription): string[] {
  if (restoredFrom === 'copy') return [name, kind, `copy of ${changelog}`];
  return [name, kind, restoredFrom === 'output' ? `changelog is output ${changelog}` : changelog];
}

function edgesOf(node: NodeDescription, ids: Ids): string[] {
  const id = ids.of('node', node.name);
  const edges = node.inputs.map(({ node: from, output }) => {
    const label = output === 'out' ? '' : `|${quoted(output)}|`;
    return `${ids.of('node', from)} -->${label} ${id}`;
  });
  if (node.kind === 'source') edges.push(`${ids.of('topic', node.topic)} --> ${id}`);
  if (node.kind === 'global-join')
    edges.push(`${ids.of('topic', node.globalTable)} -.->|"global table"| ${id}`);
  if (node.kind === 'sink') edges.push(`${id} --> ${ids.of('topic', node.topic)}`);
  return edges;
}

function quoted(...lines: readonly string[]): string {
  // Mermaid reads # as the start of an entity, in quotes too.
  const escaped = lines.map((line) =>
    line.replace(/[#"<>&]/g, (character) => `#${character.charCodeAt(0)};`),
  );
  return `"${escaped.join('<br/>')}"`;
}
