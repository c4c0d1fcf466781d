import { schemaFingerprint } from '#avro';
import type { SchemaRegistry } from '#log';
import { errorCode } from '#platform';

const HEADER_BYTES = 5;

/**
 * The id in front of a value in the Confluent wire format, as far as that can be seen: a zero byte and four more. Whether
 * it is one, the registry says.
 */
export function possibleSchemaId(value: Buffer): number | undefined {
  return value.length >= HEADER_BYTES && value[0] === 0 ? value.readUInt32BE(1) : undefined;
}

/** What is behind the id. */
export function bodyOf(value: Buffer): Buffer {
  return value.subarray(HEADER_BYTES);
}

/** The schemas of one registry, undefined for ids that it does not know: values with those are not Avro. */
export class KnownSchemas {
  readonly #registry: SchemaRegistry;
  readonly #schemas = new Map<number, object | undefined>();
  readonly #fingerprints = new Map<number, Buffer>();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  async get(id: number): Promise<object | undefined> {
    if (this.#schemas.has(id)) return this.#schemas.get(id);
    const schema = await this.#registry.schema(id).catch((error: unknown) => {
      if (errorCode(error) !== 'MR_SCHEMA_UNKNOWN') throw error;
      return undefined;
    });
    this.#schemas.set(id, schema);
    return schema;
  }

  /** The same for one schema in any registry. */
  async fingerprint(id: number): Promise<Buffer | undefined> {
    let fingerprint = this.#fingerprints.get(id);
    if (fingerprint === undefined) {
      const schema = await this.get(id);
      if (schema === undefined) return undefined;
      fingerprint = schemaFingerprint(schema);
      this.#fingerprints.set(id, fingerprint);
    }
    return fingerprint;
  }
}

/** Puts into values the ids that their schemas have in another registry, where these are registered as they are met. */
export class SchemaMove {
  readonly #from: KnownSchemas;
  readonly #versions: (subject: string) => Promise<readonly number[]>;
  readonly #to: SchemaRegistry;
  /** By topic and id of the source. */
  readonly #ids = new Map<string, number | undefined>();

  constructor(from: SchemaRegistry, to: SchemaRegistry) {
    this.#from = new KnownSchemas(from);
    this.#versions = (subject) => from.versions(subject);
    this.#to = to;
  }

  /** Registers what the source has under the topic's subject, oldest first: so the target refuses what the source would. */
  async registerSubject(topic: string): Promise<void> {
    for (const id of await this.#versions(subjectOf(topic))) await this.#idFor(topic, id);
  }

  /** The value as the target's readers understand it; itself where it is no Avro. */
  async rewritten(topic: string, value: Buffer): Promise<Buffer> {
    const id = possibleSchemaId(value);
    if (id === undefined) return value;
    const name = `${topic} ${id}`;
    const to = this.#ids.has(name) ? this.#ids.get(name) : await this.#idFor(topic, id);
    if (to === undefined || to === id) return value;
    const copy = Buffer.from(value);
    copy.writeUInt32BE(to, 1);
    return copy;
  }

  async #idFor(topic: string, id: number): Promise<number | undefined> {
    const schema = await this.#from.get(id);
    const to = schema && (await this.#register(topic, schema));
    this.#ids.set(`${topic} ${id}`, to);
    return to;
  }

  async #register(topic: string, schema: object): Promise<number> {
    const subject = subjectOf(topic);
    try {
      return await this.#to.register(subject, schema);
    } catch (error) {
      if (errorCode(error) !== 'MR_SCHEMA_INCOMPATIBLE') throw error;
      // A topic may carry records of several kinds, each under a subject of its own.
      return this.#to.register(`${subject}-${schemaFingerprint(schema).toString('hex', 0, 4)}`, schema);
    }
  }
}

function subjectOf(topic: string): string {
  return `${topic}-value`;
}
