import { canonicalSchema, checkBackwardCompatible } from '#avro';
import { incompatibleSchema, unknownSchema } from '../errors.ts';
import type { SchemaRegistry } from '../registry.ts';
import { storedJson, translated } from './database.ts';
import type { Reader } from './reader.ts';
import type { WriterConnection } from './writer-client.ts';

/** Subjects, versions and ids in the log's own file. */
export class EmbeddedRegistry implements SchemaRegistry {
  readonly #reader: Reader;
  readonly #writer: WriterConnection;
  readonly #assertOpen: () => void;
  readonly #known = new Map<number, object>();

  constructor(reader: Reader, writer: WriterConnection, assertOpen: () => void) {
    this.#reader = reader;
    this.#writer = writer;
    this.#assertOpen = assertOpen;
  }

  async register(subject: string, schema: object): Promise<number> {
    const canonical = canonicalSchema(schema);
    for (;;) {
      this.#assertOpen();
      const versions = this.#reader.versions(subject);
      const known = versions.find((id) => canonicalSchema(this.#read(id)) === canonical);
      if (known !== undefined) return known;
      const newest = versions.at(-1);
      const reason = newest === undefined ? undefined : checkBackwardCompatible(schema, this.#read(newest));
      if (reason !== undefined) throw incompatibleSchema(subject, reason);
      // The writer refuses if another has registered a version meanwhile: that one must be checked against first.
      const id = await this.#writer.request<number | undefined>({
        kind: 'register-schema',
        subject,
        canonical,
        schema: JSON.stringify(schema),
        newest,
      });
      if (id !== undefined) return id;
    }
  }

  async schema(id: number): Promise<object> {
    this.#assertOpen();
    return this.#read(id);
  }

  async versions(subject: string): Promise<readonly number[]> {
    this.#assertOpen();
    return translated('log.sqlite', () => this.#reader.versions(subject));
  }

  #read(id: number): object {
    let schema = this.#known.get(id);
    if (schema === undefined) {
      const text = Number.isSafeInteger(id)
        ? translated('log.sqlite', () => this.#reader.schema(id))
        : undefined;
      if (text === undefined) throw unknownSchema(id);
      schema = storedJson<object>(text, `schema ${id}`);
      this.#known.set(id, schema);
    }
    return schema;
  }
}
