/** The types of the client, from the OpenAPI document. */
import type { OpenApi } from '#platform/api';

type Schema = { readonly [keyword: string]: unknown };
/** Whether a member that may be left out may also be undefined: what comes as JSON never is. */
type Writing = { readonly indent: string; readonly isAsked: boolean };
type Documented = OpenApi['paths'][string][string];

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
};

/** The text of the generated file. */
export function clientTypes({ paths, components }: OpenApi): string {
  const schemas = Object.entries(components.schemas as Readonly<Record<string, Schema>>);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => operationType(`${method.toUpperCase()} ${path}`, each)),
  );
  const asked = namesIn(
    Object.values(paths).flatMap((methods) => Object.values(methods).map(({ requestBody }) => requestBody)),
    components.schemas as Schema,
  );
  const declared = schemas.map(([name, schema]) => {
    const type = typeOf(schema, { indent: '', isAsked: asked.has(name) });
    return `${comment(schema)}export type ${name} = ${type};\n`;
  });
  return [
    '// Generated from docs/openapi.json by `npm run generate`; not to be edited.',
    '',
    ...declared,
    '/** What each route takes, and what it answers. */',
    'export type Operations = {',
    ...operations,
    '};',
    '',
  ].join('\n');
}

/** The schemas that are referred to, by themselves or by others. */
function namesIn(json: unknown, schemas: Schema, found = new Set<string>()): ReadonlySet<string> {
  for (const [, name = ''] of JSON.stringify(json).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    if (found.has(name)) continue;
    found.add(name);
    namesIn(schemas[name], schemas, found);
  }
  return found;
}

function operationType(name: string, operation: Documented): string {
  const { summary, parameters = [], requestBody, responses } = operation;
  const members = (['path', 'query'] as const).flatMap((where) => {
    const named = parameters.filter((each) => each.in === where);
    if (named.length === 0) return [];
    const mark = named.some(({ required }) => required) ? '' : '?';
    const types = named.map(({ name: key, required, schema, description }) =>
      member(key, { description, ...schema }, required, { indent: '        ', isAsked: true }),
    );
    return [
      `      readonly ${where === 'path' ? 'params' : 'query'}${mark}: {\n${types.join('\n')}\n      }${orUndefined(mark)};`,
    ];
  });
  if (requestBody !== undefined) {
    const mark = requestBody.required ? '' : '?';
    const { schema } = contentOf(requestBody.content);
    const type = typeOf(schema, { indent: '      ', isAsked: true });
    members.push(`      readonly body${mark}: ${type}${orUndefined(mark)};`);
  }
  const [answer] = Object.entries(responses).flatMap(([status, response]) =>
    status.startsWith('2') && 'content' in response ? [contentOf(response.content)] : [],
  );
  const request = members.length === 0 ? 'object' : `{\n${members.join('\n')}\n    }`;
  return [
    `  /** ${summary} */`,
    `  '${name}': {`,
    `    readonly request: ${request};`,
    `    readonly answer: ${typeOf(answer?.schema ?? {}, { indent: '    ', isAsked: false })};`,
    '  };',
  ].join('\n');
}

function contentOf(content: Readonly<Record<string, { readonly schema: Schema }>>) {
  return Object.values(content)[0] ?? { schema: {} };
}

function orUndefined(mark: string): string {
  return mark === '?' ? ' | undefined' : '';
}

function typeOf(schema: Schema, writing: Writing): string {
  const { indent } = writing;
  const { $ref, type, anyOf, items, prefixItems, properties, additionalProperties } = schema;
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  if ('const' in schema) return literal(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(literal).join(' | ');
  if (Array.isArray(anyOf)) return anyOf.map((each: Schema) => typeOf(each, writing)).join(' | ');
  if (Array.isArray(type)) return type.map((each) => PRIMITIVES[String(each)] ?? 'unknown').join(' | ');
  if (type === 'array') {
    if (Array.isArray(prefixItems)) {
      return `readonly [${prefixItems.map((each: Schema) => typeOf(each, writing)).join(', ')}]`;
    }
    const item = typeOf((items ?? {}) as Schema, writing);
    return (item.includes(' | ') && !item.startsWith('{')) || item.startsWith('readonly ')
      ? `readonly (${item})[]`
      : `readonly ${item}[]`;
  }
  if (type !== 'object') return PRIMITIVES[String(type)] ?? 'unknown';
  if (properties === undefined) {
    return `Readonly<Record<string, ${typeOf((additionalProperties ?? {}) as Schema, writing)}>>`;
  }
  const { required = [] } = schema as { required?: readonly string[] };
  const members = Object.entries(properties as Readonly<Record<string, Schema>>).map(([name, each]) =>
    member(name, each, required.includes(name), { ...writing, indent: `${indent}  ` }),
  );
  const isOpen = typeof additionalProperties === 'object';
  if (isOpen) members.push(`${indent}  readonly [member: string]: unknown;`);
  return `{\n${members.join('\n')}\n${indent}}`;
}

function member(name: string, schema: Schema, isRequired: boolean, writing: Writing): string {
  const { indent, isAsked } = writing;
  const key = /^\w+$/.test(name) ? name : `'${name}'`;
  const mark = isRequired ? '' : '?';
  const type = `${typeOf(schema, writing)}${isAsked ? orUndefined(mark) : ''}`;
  const text = comment(schema).trimEnd();
  return `${text === '' ? '' : `${indent}${text}\n`}${indent}readonly ${key}${mark}: ${type};`;
}

function comment({ description }: Schema): string {
  return typeof description === 'string' ? `/** ${description.replaceAll('*/', '* /')} */\n` : '';
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
