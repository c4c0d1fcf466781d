import { avroSerde, type Serde } from '#engine';
import type { SchemaRegistry } from '#log';

/** The fields of a record by name; a list of records is written as their fields in brackets. */
export type Fields = { readonly [name: string]: 'string' | 'long' | 'double' | readonly [Fields] };

/** The type of the values that have these fields. */
export type Row<F extends Fields> = {
  readonly [N in keyof F]: F[N] extends 'string'
    ? string
    : F[N] extends readonly [infer G extends Fields]
      ? readonly Row<G>[]
      : number;
};

/** What a store keeps: such a record, or a number by itself. */
export type Shape = Fields | 'long';
export type Value<S extends Shape> = S extends Fields ? Row<S> : number;

/** Writes such values as Avro, under a subject of that name. */
export function serdeOf<S extends Shape>(
  registry: SchemaRegistry,
  name: string,
  shape: S,
): Promise<Serde<Value<S>>> {
  return avroSerde(registry, `${name}-value`, schemaOf(name.replaceAll('-', '_'), shape));
}

function schemaOf(name: string, fields: Shape): object {
  if (fields === 'long') return { type: fields };
  const typed = Object.entries(fields).map(([field, type]) => {
    if (typeof type === 'string') return { name: field, type };
    return { name: field, type: { type: 'array', items: schemaOf(`${name}_${field}`, type[0]) } };
  });
  return { type: 'record', name, namespace: 'nexmark', fields: typed };
}
