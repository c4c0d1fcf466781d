/** Requests that an OpenAPI document describes: its examples, and whatever fits it or nearly does. */
import fc from 'fast-check';
import type { OpenApi } from '#platform/api';

export type Asked = { readonly method: string; readonly path: string; readonly body?: unknown };
type NamedRequest = Asked & { readonly name: string };

type Schema = { readonly [keyword: string]: unknown };

export function documentedRequests(
  document: OpenApi,
): (NamedRequest & { readonly requiresRight: boolean })[] {
  return operationsOf(document).map(({ name, method, path, each }) => {
    const values = new Map(each.parameters?.map(({ name: key, example }) => [key, example]));
    const body = each.requestBody?.content['application/json']?.example;
    const query = each.parameters?.filter(
      (parameter) => parameter.in === 'query' && parameter.example !== undefined,
    );
    return {
      name,
      method,
      path: addressOf(path, values, query?.map(({ name: key, example }) => [key, String(example)]) ?? []),
      ...(body !== undefined && { body }),
      requiresRight: each.security !== undefined,
    };
  });
}

/** For any route: parameters and a body that fit the document, or that are anything. */
export function arbitraryRequest(document: OpenApi): fc.Arbitrary<NamedRequest> {
  const schemas = document.components.schemas as Schema;
  const each = operationsOf(document).map(
    ({ name, method, path, each: { parameters = [], requestBody } }) => {
      const text = (schema: Schema) =>
        fc.oneof(
          arbitrary(schema, schemas).map((value) => String(value)),
          fc.string({ unit: 'grapheme' }),
        );
      const params = fc.record(
        Object.fromEntries(parameters.filter((p) => p.in === 'path').map((p) => [p.name, text(p.schema)])),
      );
      const query = fc.record(
        Object.fromEntries(parameters.filter((p) => p.in === 'query').map((p) => [p.name, text(p.schema)])),
        { requiredKeys: [] },
      );
      const schema = requestBody?.content['application/json']?.schema;
      const body =
        schema === undefined
          ? fc.constant(undefined)
          : fc.oneof(
              { weight: 4, arbitrary: arbitrary(schema, schemas) },
              { weight: 1, arbitrary: fc.jsonValue() },
            );
      return fc.record({ params, query, body }).map((drawn) => ({
        name,
        method,
        // The client of the platform would shorten a path of dots.
        path: addressOf(
          path,
          new Map(Object.entries(drawn.params)),
          Object.entries(drawn.query) as [string, string][],
        ),
        ...(drawn.body !== undefined && { body: drawn.body }),
      }));
    },
  );
  return fc.oneof(...each);
}

/** What the document refers to. */
export function refsIn(document: OpenApi): readonly string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
}

function operationsOf({ paths }: OpenApi) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => {
      const upper = method.toUpperCase();
      return { name: `${upper} ${path}`, method: upper, path, each };
    }),
  );
}

function addressOf(
  path: string,
  params: ReadonlyMap<string, unknown>,
  query: readonly (readonly [string, string])[],
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(String(params.get(key) ?? '')),
  );
  return query.length === 0 ? filled : `${filled}?${new URLSearchParams(query.map((pair) => [...pair]))}`;
}

function arbitrary(schema: Schema, schemas: Schema): fc.Arbitrary<unknown> {
  const { $ref, type, anyOf, items, properties, additionalProperties, minimum, maximum } = schema;
  const below = (each: unknown) => arbitrary((each ?? {}) as Schema, schemas);
  if (typeof $ref === 'string') return below(schemas[$ref.slice($ref.lastIndexOf('/') + 1)]);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map(below));
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => below({ ...schema, type: one })));
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: Number(minimum ?? -1e9), max: Number(maximum ?? 1e9) });
    case 'number':
      return fc.double({ noNaN: true });
    case 'string':
      return fc.oneof(fc.constantFrom('u1', 'i1', 'none'), fc.string({ unit: 'grapheme', maxLength: 140 }));
    case 'array':
      return fc.array(below(items), { maxLength: 5 });
    case 'object':
      return properties === undefined
        ? fc.dictionary(fc.string(), below(additionalProperties), { maxKeys: 3 })
        : fc.record(
            Object.fromEntries(Object.entries(properties as Schema).map(([key, each]) => [key, below(each)])),
            { requiredKeys: [] },
          );
    default:
      return fc.jsonValue();
  }
}
