/** TypeScript types from Avro schemas: records as object types, enums as unions of literals. */

type Field = { name: string; type: AvroNode; doc?: string };
type Named = { type: 'record' | 'enum'; name: string; doc?: string; fields?: Field[]; symbols?: string[] };
type Collection = { type: 'array'; items: AvroNode } | { type: 'map'; values: AvroNode };
type AvroNode = string | AvroNode[] | Named | Collection | { type: AvroNode };

const LINE_WIDTH = 110;

const primitives: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  bytes: 'Buffer',
  string: 'string',
};

/** The text of the generated file for the parsed contents of all .avsc files. */
export function typesFromAvro(schemas: readonly unknown[]): string {
  const declarations = new Map<string, string>();
  const records: string[] = [];
  for (const schema of schemas as Named[]) {
    records.push(schema.name);
    declare(schema, declarations);
  }
  const names = [...declarations.keys()].sort();
  return [
    '// Generated from schemas/avro by `npm run generate`; not to be edited.',
    '',
    ...names.map((name) => `${declarations.get(name)}\n`),
    '/** Each record that is the value of a topic or a part of one, by its name. */',
    'export type SchemaTypes = {',
    ...records.sort().map((name) => `  ${name}: ${name};`),
    '};',
    '',
  ].join('\n');
}

function declare(named: Named, declarations: Map<string, string>): void {
  const comment = named.doc === undefined ? '' : `/** ${named.doc} */\n`;
  if (named.type === 'enum') {
    declarations.set(named.name, comment + enumeration(named.name, named.symbols ?? []));
    return;
  }
  const lines = (named.fields ?? []).flatMap(({ name, type, doc }) => [
    ...(doc === undefined ? [] : [`  /** ${doc} */`]),
    `  ${name}: ${typeOf(type, declarations)};`,
  ]);
  declarations.set(named.name, `${comment}export type ${named.name} = {\n${lines.join('\n')}\n};`);
}

function enumeration(name: string, symbols: readonly string[]): string {
  const literals = symbols.map((symbol) => `'${symbol}'`);
  const line = `export type ${name} = ${literals.join(' | ')};`;
  return line.length <= LINE_WIDTH ? line : `export type ${name} =\n  | ${literals.join('\n  | ')};`;
}

function typeOf(node: AvroNode, declarations: Map<string, string>): string {
  if (typeof node === 'string') return primitives[node] ?? node.replace(/^.*\./, '');
  if (Array.isArray(node)) {
    // As people write it: the type, then null.
    const branches = [...node].sort((a, b) => Number(a === 'null') - Number(b === 'null'));
    return branches.map((branch) => typeOf(branch, declarations)).join(' | ');
  }
  if ('name' in node) {
    declare(node, declarations);
    return node.name;
  }
  if ('items' in node) {
    const items = typeOf(node.items, declarations);
    return items.includes('|') ? `(${items})[]` : `${items}[]`;
  }
  if ('values' in node) return `Record<string, ${typeOf(node.values, declarations)}>`;
  return typeOf(node.type, declarations);
}
