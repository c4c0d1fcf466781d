import { canonicalSchema, checkBackwardCompatible } from '#avro';
import { incompatibleSchema, unknownSchema } from '../errors.ts';
import type { SchemaRegistry } from '../registry.ts';
import type { Client } from './client.ts';

/** What the clients of one simulated log share of schemas. */
export class Schemas {
  readonly #schemas: object[] = [];
  readonly #ids = new Map<string, number>();
  readonly #subjects = new Map<string, number[]>();

  register(subject: string, schema: object): number {
    const canonical = canonicalSchema(schema);
    const versions = this.#subjects.get(subject) ?? [];
    const known = this.#ids.get(canonical);
    if (known !== undefined && versions.includes(known)) return known;
    const newest = versions.at(-1);
    const reason = newest === undefined ? undefined : checkBackwardCompatible(schema, this.schema(newest));
    if (reason !== undefined) throw incompatibleSchema(subject, reason);
    const id = known ?? this.#schemas.push(structuredClone(schema));
    this.#ids.set(canonical, id);
    this.#subjects.set(subject, [...versions, id]);
    return id;
  }

  schema(id: number): object {
    const schema = this.#schemas[id - 1];
    if (schema === undefined) throw unknownSchema(id);
    return schema;
  }

  versions(subject: string): readonly number[] {
    return this.#subjects.get(subject) ?? [];
  }
}

export class SimulatedRegistry implements SchemaRegistry {
  readonly #schemas: Schemas;
  readonly #client: Client;

  constructor(schemas: Schemas, client: Client) {
    this.#schemas = schemas;
    this.#client = client;
  }

  register(subject: string, schema: object): Promise<number> {
    return this.#client.call(() => this.#schemas.register(subject, schema));
  }

  schema(id: number): Promise<object> {
    return this.#client.call(() => this.#schemas.schema(id));
  }

  versions(subject: string): Promise<readonly number[]> {
    return this.#client.call(() => this.#schemas.versions(subject));
  }
}
