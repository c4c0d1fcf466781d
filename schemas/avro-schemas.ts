import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AvroCodec, avroCodecFor } from '#avro';
import type { SchemaTypes } from './generated/types.ts';

/** Name of a record of this room, without its namespace. */
export type SchemaName = keyof SchemaTypes;

const directory = join(import.meta.dirname, 'avro');

type Definitions = ReadonlyMap<string, object>;
let definitions: Definitions | undefined;

/**
 * The schema as Avro JSON that stands alone: records of other files are put in where they are first named, so
 * that a registry and any other reader can take it as it is.
 */
export function avroSchema(name: SchemaName): object {
  definitions ??= readDefinitions();
  return standAlone(`millrace.${name}`, definitions);
}

/** A codec of the schema; it knows no writer schema yet, its own included. */
export function avroCodec<N extends SchemaName>(name: N): AvroCodec<SchemaTypes[N]> {
  return avroCodecFor(avroSchema(name));
}

function readDefinitions(): Definitions {
  const found = new Map<string, object>();
  for (const file of readdirSync(directory).sort()) {
    collectNamed(JSON.parse(readFileSync(join(directory, file), 'utf8')), found);
  }
  return found;
}

/** Puts every named type of `node`, nested ones included, into `found` by its full name. */
function collectNamed(node: unknown, found: Map<string, object>): void {
  if (Array.isArray(node)) for (const each of node) collectNamed(each, found);
  else if (typeof node === 'object' && node !== null) {
    if ('name' in node && 'type' in node && (node.type === 'record' || node.type === 'enum')) {
      found.set(`millrace.${String(node.name)}`, node);
    }
    if ('type' in node) collectNamed(node.type, found);
    if ('fields' in node) collectNamed(node.fields, found);
    if ('items' in node) collectNamed(node.items, found);
    if ('values' in node) collectNamed(node.values, found);
  }
}

function standAlone(fullName: string, all: Definitions): object {
  const placed = new Set<string>();

  const place = (node: unknown): unknown => {
    if (typeof node === 'string') return all.has(node) && !placed.has(node) ? place(all.get(node)) : node;
    if (Array.isArray(node)) return node.map(place);
    if (typeof node !== 'object' || node === null) return node;
    const named = 'name' in node ? `millrace.${String(node.name)}` : undefined;
    if (named !== undefined && placed.has(named)) return named;
    if (named !== undefined) placed.add(named);
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, placeIn(key, value)]));
  };

  // A field's name may equal a type's, so only the places where Avro names types are looked into.
  const placeIn = (key: string, value: unknown): unknown => {
    if (key === 'fields' && Array.isArray(value)) {
      return value.map((field: object) => ({
        ...field,
        ...('type' in field && { type: place(field.type) }),
      }));
    }
    return key === 'type' || key === 'items' || key === 'values' ? place(value) : value;
  };

  return place(fullName) as object;
}
