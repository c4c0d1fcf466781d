/** The OpenAPI 3.1 document of a server, made of the operations that it serves. */
import type { z } from 'zod';
import { type JsonSchema, jsonSchema } from './json-schema.ts';
import type { Operation } from './operation.ts';
import { problemSchema } from './problem.ts';

export type OpenApi = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: JsonSchema;
};

export type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
  readonly example?: unknown;
};

type Content = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

export type DocumentedOperation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { $ref: string } | { description: string; content: Content }>>;
  readonly security?: readonly JsonSchema[];
};

const ABOUT =
  'Events in, recommendations out. Errors are problem details (RFC 9457) with a stable `code`; members that a client does not know are to be ignored.';

export function openApi(operations: readonly Operation[], version: string): OpenApi {
  const schemas: Record<string, JsonSchema> = {};
  jsonSchema(problemSchema, 'output', schemas);
  const paths: Record<string, Record<string, DocumentedOperation>> = {};
  for (const each of operations.toSorted((a, b) => (shownPath(a) < shownPath(b) ? -1 : 1))) {
    const methods = paths[shownPath(each)] ?? {};
    methods[each.method.toLowerCase()] = documented(each, schemas);
    paths[shownPath(each)] = methods;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace', version, description: ABOUT },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort()),
      responses: Object.fromEntries(
        Object.entries(ofAllRoutes).map(([status, text]) => [
          `Problem${status}`,
          { description: text, content: problem({ $ref: '#/components/schemas/Problem' }) },
        ]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key, a JSON web token, or the value of option admin.token. An operation names the right that it requires.',
        },
      },
    },
  };
}

function shownPath({ path, shownAs }: Operation): string {
  return (shownAs?.path ?? path).replace(/:(\w+)/g, '{$1}');
}

function documented(operation: Operation, schemas: Record<string, JsonSchema>): DocumentedOperation {
  const { id, tag, summary, shownBody: body = operation.body, access, answer, example } = operation;
  const { status = 200, mediaType = 'application/json' } = answer;
  const shown = answer.example === undefined ? {} : { example: answer.example };
  const parameters = [
    ...parametersOf('path', operation.shownAs?.params ?? operation.params, example?.params, schemas),
    ...parametersOf('query', operation.query, example?.query, schemas),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(operation.description !== undefined && { description: operation.description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: {
          'application/json': {
            schema: jsonSchema(body, 'input', schemas),
            ...(example?.body !== undefined && { example: example.body }),
          },
        },
      },
    }),
    responses: {
      [status]: {
        description: answer.description,
        content: { [mediaType]: { schema: jsonSchema(answer.schema, 'output', schemas), ...shown } },
      },
      ...problems(operation, schemas),
    },
    ...(access !== 'public' && { security: [{ bearer: [access.right] }] }),
  };
}

function parametersOf(
  where: 'path' | 'query',
  schema: z.ZodObject | undefined,
  example: unknown,
  schemas: Record<string, JsonSchema>,
): readonly Parameter[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input', schemas) as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description: text, ...rest }]) => {
    const shown = (example as Readonly<Record<string, unknown>> | undefined)?.[name];
    return {
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(typeof text === 'string' && { description: text }),
      schema: rest,
      ...(shown !== undefined && { example: shown }),
    };
  });
}

/** Refusals that come before any route is asked, and faults; by status. */
const ofAllRoutes: Readonly<Record<number, string>> = {
  408: 'The request did not arrive in time.',
  421: 'The server does not serve the host that the request names.',
  429: 'Too many requests at a time, or within a minute.',
  431: 'The headers are too large.',
  500: 'A fault of the server.',
  503: 'Not now: the same request may succeed later.',
};

/** The codes of refusals by status that the document lists for an operation: its own, and those that its form leads to. */
export function codesOf(operation: Operation): ReadonlyMap<number, ReadonlySet<string>> {
  const codes = new Map<number, Set<string>>();
  const add = (status: number, ...more: readonly string[]) => {
    codes.set(status, new Set([...(codes.get(status) ?? []), ...more]));
  };
  for (const [status, own] of Object.entries(operation.errors ?? {})) add(Number(status), ...own);
  add(400, 'MR_HTTP_BAD_URL', 'MR_HTTP_MALFORMED', 'MR_HTTP_QUERY');
  for (const part of ['params', 'query', 'body'] as const) {
    if (operation[part] !== undefined) add(400, 'MR_HTTP_REQUEST');
  }
  if (operation.method !== 'GET') {
    add(400, 'MR_HTTP_BODY_INVALID', 'MR_HTTP_ABORTED');
    add(413, 'MR_HTTP_BODY_TOO_LARGE');
    add(415, 'MR_HTTP_MEDIA_TYPE', 'MR_HTTP_ENCODING');
  }
  if (operation.params !== undefined) add(414, 'MR_HTTP_URL_TOO_LONG');
  if (operation.access !== 'public') {
    add(401, 'MR_ACCESS_TOKEN_MISSING', 'MR_ACCESS_TOKEN', 'MR_ACCESS_TOKEN_EXPIRED');
    add(403, 'MR_ACCESS_RIGHT');
    if (operation.access.users !== undefined) add(403, 'MR_ACCESS_USER');
  }
  if (operation.errors?.[429] !== undefined) add(429, 'MR_HTTP_PIPELINED', 'MR_ACCESS_RATE');
  return codes;
}

function problems(
  operation: Operation,
  schemas: Record<string, JsonSchema>,
): DocumentedOperation['responses'] {
  const common = Object.keys(ofAllRoutes).map((status) => {
    return [status, { $ref: `#/components/responses/Problem${status}` }] as const;
  });
  const own = [...codesOf(operation)].map(([status, codes]) => {
    const members = operation.members?.[status];
    const code = status >= 500 ? {} : { code: { enum: [...codes].sort() } };
    const more = members === undefined ? {} : jsonSchema(members, 'output', schemas);
    const { properties = {}, required } = more as { properties?: JsonSchema; required?: unknown };
    const narrowed = { properties: { ...code, ...properties }, ...(required !== undefined && { required }) };
    return [
      String(status),
      {
        description: `${process.getBuiltinModule('node:http').STATUS_CODES[status]}: ${[...codes].sort().join(', ')}`,
        content: problem({ allOf: [{ $ref: '#/components/schemas/Problem' }, narrowed] }),
      },
    ] as const;
  });
  return { ...Object.fromEntries(common), ...Object.fromEntries(own) };
}

function problem(schema: JsonSchema): Content {
  return { 'application/problem+json': { schema } };
}
