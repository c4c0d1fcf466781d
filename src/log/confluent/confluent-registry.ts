import { canonicalSchema, checkBackwardCompatible } from '#avro';
import { type Clock, InputError } from '#platform';
import { incompatibleSchema, unknownSchema } from '../errors.ts';
import type { SchemaRegistry } from '../registry.ts';
import { type RegistryAnswer, type RegistryCall, RegistryClient } from './registry-client.ts';
import type { ConfluentRegistryOptions } from './registry-options.ts';

export type RegistryEnvironment = { readonly clock: Clock; readonly random: () => number };

const UNKNOWN_SUBJECT = 40_401;
const UNKNOWN_VERSION = 40_402;
const UNKNOWN_SCHEMA = 40_403;
/** The largest id that fits the wire format. */
const LARGEST_ID = 2 ** 32 - 1;

/**
 * A registry with Confluent's HTTP API, Apicurio's compatible one included. An id never changes its meaning, so what
 * was once learnt is kept for good: a process that knows its schemas goes on while the registry is unavailable.
 */
export class ConfluentRegistry implements SchemaRegistry {
  readonly #client: RegistryClient;
  readonly #prefix: string;
  readonly #schemas = new Map<number, Promise<object>>();
  /** By subject and canonical form. */
  readonly #registered = new Map<string, number>();
  /** Ids by subject and number of the version. */
  readonly #versions = new Map<string, number>();
  /** The last registration of each subject: the next one looks at what it has left behind. */
  readonly #registering = new Map<string, Promise<unknown>>();

  constructor(options: ConfluentRegistryOptions, { clock, random }: RegistryEnvironment) {
    this.#client = new RegistryClient(options, clock, random);
    this.#prefix = options.prefix;
  }

  register(subject: string, schema: object): Promise<number> {
    const before = this.#registering.get(subject) ?? Promise.resolve();
    const registering = before.catch(() => {}).then(() => this.#register(subject, schema));
    this.#registering.set(subject, registering);
    return registering;
  }

  async #register(subject: string, schema: object): Promise<number> {
    const canonical = canonicalSchema(schema);
    const name = `${subject} ${canonical}`;
    const registered = this.#registered.get(name);
    if (registered !== undefined) return registered;
    const versions = await this.versions(subject);
    const id =
      (await this.#find(versions, canonical)) ??
      (await this.#add(subject, schema, canonical, versions.at(-1)));
    this.#registered.set(name, id);
    return id;
  }

  /** The registry compares texts, and we what they write: one that differs in its documentation alone is found here. */
  async #find(versions: readonly number[], canonical: string): Promise<number | undefined> {
    for (const id of versions) {
      if (canonicalSchema(await this.schema(id)) === canonical) return id;
    }
    return undefined;
  }

  async #add(
    subject: string,
    schema: object,
    canonical: string,
    newest: number | undefined,
  ): Promise<number> {
    if (newest === undefined) await this.#requireCompatibility(subject);
    // Asked here first: this says which field is wrong, and of some registries the default is to take anything.
    const reason =
      newest === undefined ? undefined : checkBackwardCompatible(schema, await this.schema(newest));
    if (reason !== undefined) throw incompatibleSchema(subject, reason);
    const call = {
      method: 'POST',
      path: `/subjects/${this.#encoded(subject)}/versions`,
      body: { schema: JSON.stringify(schema) },
    } as const;
    const answer = await this.#client.call(call);
    if (answer.status === 409) {
      // Another process may have been at the same: then it is there now.
      const found = await this.#find(await this.versions(subject), canonical);
      if (found !== undefined) return found;
      throw incompatibleSchema(subject, answer.message);
    }
    const { id } = this.#expected(call, answer) as { id: number };
    this.#schemas.set(id, Promise.resolve(schema));
    return id;
  }

  /** Before the first version: a subject that somebody else has made keeps the rule that it was given. */
  async #requireCompatibility(subject: string): Promise<void> {
    const path = `/config/${this.#encoded(subject)}`;
    const call = { method: 'PUT', path, body: { compatibility: 'BACKWARD' } } as const;
    const answer = await this.#client.call(call);
    // 409: the rule is there already, set by another process at this moment.
    if (answer.status !== 409) this.#expected(call, answer);
  }

  schema(id: number): Promise<object> {
    let schema = this.#schemas.get(id);
    if (schema === undefined) {
      schema = this.#fetch(id);
      this.#schemas.set(id, schema);
      schema.catch(() => this.#schemas.delete(id));
    }
    return schema;
  }

  async #fetch(id: number): Promise<object> {
    if (!Number.isInteger(id) || id < 0 || id > LARGEST_ID) throw unknownSchema(id);
    const call = { method: 'GET', path: `/schemas/ids/${id}` } as const;
    const answer = await this.#client.call(call);
    if (answer.errorCode === UNKNOWN_SCHEMA) throw unknownSchema(id);
    const { schema, schemaType = 'AVRO' } = this.#expected(call, answer) as {
      schema: string;
      schemaType?: string;
    };
    if (schemaType !== 'AVRO') {
      throw new InputError('MR_SCHEMA_INVALID', `Schema ${id} is ${schemaType} and not Avro.`, {
        hint: 'Have the producer write Avro.',
      });
    }
    const parsed: unknown = JSON.parse(schema);
    return typeof parsed === 'object' && parsed !== null ? parsed : { type: parsed };
  }

  async versions(subject: string): Promise<readonly number[]> {
    const call = { method: 'GET', path: `/subjects/${this.#encoded(subject)}/versions` } as const;
    const answer = await this.#client.call(call);
    if (answer.errorCode === UNKNOWN_SUBJECT) return [];
    const numbers = (this.#expected(call, answer) as number[]).toSorted((a, b) => a - b);
    const ids = await Promise.all(numbers.map((number) => this.#idOf(subject, number)));
    return ids.filter((id) => id !== undefined);
  }

  /** Undefined where the version has been deleted meanwhile. */
  async #idOf(subject: string, number: number): Promise<number | undefined> {
    const name = `${subject} ${number}`;
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const call = { method: 'GET', path: `/subjects/${this.#encoded(subject)}/versions/${number}` } as const;
    const answer = await this.#client.call(call);
    if (answer.errorCode === UNKNOWN_VERSION || answer.errorCode === UNKNOWN_SUBJECT) return undefined;
    const { id } = this.#expected(call, answer) as { id: number };
    this.#versions.set(name, id);
    return id;
  }

  #encoded(subject: string): string {
    return encodeURIComponent(this.#prefix + subject);
  }

  #expected(call: RegistryCall, answer: RegistryAnswer): unknown {
    if (answer.status >= 300) throw this.#client.failed(call, answer);
    return answer.body;
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}
