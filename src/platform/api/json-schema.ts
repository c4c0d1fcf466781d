/** JSON Schema of the schemas that requests and answers are validated with. */
import { z } from 'zod';

export type JsonSchema = { [keyword: string]: unknown };

/** Adds to the definitions what the schema refers to by name. */
export function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  definitions: Record<string, JsonSchema>,
): JsonSchema {
  // Below a property, a schema with a name is a reference; at the root it would be written out.
  const { properties, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => tidy(z.globalRegistry.get(zodSchema), json as JsonSchema),
  });
  for (const [name, definition] of Object.entries(asComponents($defs) as object)) {
    definitions[name] = definition as JsonSchema;
  }
  return asComponents(properties?.it) as JsonSchema;
}

/** What a text on the wire stands for is said by the schema's `wire`; the bounds of safe integers are noise. */
function tidy(meta: unknown, json: JsonSchema): void {
  const { wire } = (meta ?? {}) as { wire?: JsonSchema };
  if (wire !== undefined) {
    const { description, default: byDefault } = json;
    for (const keyword of Object.keys(json)) delete json[keyword];
    Object.assign(json, wire);
    if (description !== undefined) json.description = description;
    if (byDefault !== undefined) json.default = byDefault;
  }
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  const { propertyNames } = json as { propertyNames?: JsonSchema };
  if (propertyNames?.type === 'string' && Object.keys(propertyNames).length === 1) delete json.propertyNames;
}

function asComponents(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(asComponents);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).flatMap(([key, value]) => {
      if (key === '$ref') return [[key, String(value).replace('#/$defs/', '#/components/schemas/')]];
      return key === 'id' && typeof value === 'string' ? [] : [[key, asComponents(value)]];
    }),
  );
}
