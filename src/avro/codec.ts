/**
 * Avro in the Confluent wire format: a zero byte, the id of the writer's schema (four bytes, big-endian), the
 * Avro body. (docs.confluent.io, "Wire format".)
 */
import type { Resolver, Type } from 'avsc';
import { InputError, RetryableError } from '#platform';
import { compileColumnReader, type ReadRow, type ValueColumn } from './compiled/column-reader.ts';
import { compileReader, type Read } from './compiled/reader.ts';
import { compileWriter, type Write } from './compiled/writer.ts';
import { avroType } from './strict-types.ts';

const HEADER_BYTES = 5;

/** Encodes and decodes values of one schema, the reader's; decodes what older schemas wrote. */
export interface AvroCodec<T> {
  /** The reader's schema, as Avro JSON that stands alone. */
  readonly schema: object;
  /** `schemaId`: the id under which this codec's own schema is registered. InputError MR_AVRO_ENCODE names the wrong field. */
  encode(schemaId: number, value: T): Buffer;
  /**
   * As `encode`, into `target` from `at` on; returns the end, or where there is too little room the number of bytes that are
   * missing, negated.
   */
  encodeInto(schemaId: number, value: T, target: Buffer, at: number): number;
  /**
   * InputError MR_AVRO_DECODE for bytes that are no such value; RetryableError MR_SCHEMA_NOT_LOADED when the
   * writer's schema was not added yet (see writerSchemaId).
   */
  decode(buffer: Buffer): T;
  /** As `decode`, of a value that lies among others, from `start` up to `end`. */
  decodeAt(bytes: Buffer, start: number, end: number): T;
  /** Makes values of writer schema `id` readable. InputError MR_SCHEMA_INCOMPATIBLE when this codec cannot read them. */
  addWriterSchema(id: number, schema: object): void;
  hasWriterSchema(id: number): boolean;
}

/** A new codec for a schema; it knows no writer schema yet, its own included. InputError MR_SCHEMA_INVALID when it is none. */
export function avroCodecFor<T>(schema: object): AvroCodec<T> {
  return new Codec(schema, parse(schema));
}

/** The schema id in a value's header; InputError MR_AVRO_DECODE when there is none. */
export function writerSchemaId(bytes: Buffer, start = 0, end = bytes.length): number {
  if (end - start < HEADER_BYTES || bytes[start] !== 0) {
    throw new InputError(
      'MR_AVRO_DECODE',
      `Not a value in the Confluent wire format (${end - start} bytes).`,
      {
        hint: 'Values start with a zero byte and the id of their schema.',
      },
    );
  }
  return (
    (bytes[start + 1] as number) * 2 ** 24 +
    (((bytes[start + 2] as number) << 16) |
      ((bytes[start + 3] as number) << 8) |
      (bytes[start + 4] as number))
  );
}

/**
 * A function that reads values of a record's schema, without their header, into columns by the names of its fields. It throws
 * whatever is wrong with the bytes, and what that is, a codec says; some columns have values of the row by then.
 */
export function columnReader(schema: object, columns: ReadonlyMap<string, ValueColumn>): ReadRow {
  return compileColumnReader(parse(schema), columns);
}

/** Why `reader` cannot read everything that `writer` wrote; undefined when it can. */
export function checkBackwardCompatible(reader: object, writer: object): string | undefined {
  const readerType = parse(reader);
  const writerType = parse(writer);
  try {
    readerType.createResolver(writerType);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * The parsing canonical form (Avro specification, "Parsing Canonical Form for Schemas"): equal for schemas that
 * write the same bytes. Documentation, defaults and aliases are not part of it.
 */
export function canonicalSchema(schema: object): string {
  return JSON.stringify(parse(schema).schema());
}

/** SHA-256 of the canonical form. */
export function schemaFingerprint(schema: object): Buffer {
  return parse(schema).fingerprint('sha256');
}

/** Types by the text of their schema: each is looked up several times when a topic is opened. */
const types = new Map<string, Type>();

type Compiled = { readonly read: Read | undefined; readonly write: Write | undefined };

/** Compiled code of this thread's types. */
const code = new WeakMap<Type, Compiled>();

function compiled(type: Type): Compiled {
  const known = code.get(type);
  if (known !== undefined) return known;
  const made = { read: compileReader(type), write: compileWriter(type) };
  code.set(type, made);
  return made;
}

/** Grows to the largest value seen and stays: encoding is synchronous, so one serves all codecs of a thread. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

class Codec<T> implements AvroCodec<T> {
  readonly schema: object;
  readonly #type: Type;
  /** By writer schema id; undefined where the writer's schema is our own and needs no resolution. */
  readonly #resolvers = new Map<number, Resolver | undefined>();
  #lastId = -1;
  #lastResolver: Resolver | undefined;
  #compiled: Compiled | undefined;

  constructor(schema: object, type: Type) {
    this.schema = schema;
    this.#type = type;
  }

  /** When it is first needed: a process opens many codecs that it never uses. */
  get #code(): Compiled {
    this.#compiled ??= compiled(this.#type);
    return this.#compiled;
  }

  encodeInto(schemaId: number, value: T, target: Buffer, at: number): number {
    if (at + HEADER_BYTES > target.length) return target.length - at - HEADER_BYTES;
    const end =
      this.#writeCompiled(value, target, at + HEADER_BYTES) ?? this.#write(value, target, at + HEADER_BYTES);
    target[at] = 0;
    target[at + 1] = schemaId >>> 24;
    target[at + 2] = schemaId >>> 16;
    target[at + 3] = schemaId >>> 8;
    target[at + 4] = schemaId;
    return end;
  }

  /** Undefined where avsc has to say what is wrong with the value, or how much room it needs. */
  #writeCompiled(value: T, target: Buffer, at: number): number | undefined {
    try {
      const end = this.#code.write?.(target, at, value);
      return end !== undefined && end <= target.length ? end : undefined;
    } catch {
      return undefined;
    }
  }

  #write(value: T, target: Buffer, at: number): number {
    try {
      return this.#type.encode(value, target, at);
    } catch (error) {
      throw this.#encodeError(value, error);
    }
  }

  encode(schemaId: number, value: T): Buffer {
    let end = this.encodeInto(schemaId, value, scratch, 0);
    if (end < 0) {
      scratch = Buffer.allocUnsafeSlow(2 * (scratch.length - end));
      end = this.encodeInto(schemaId, value, scratch, 0);
    }
    const bytes = Buffer.allocUnsafe(end);
    scratch.copy(bytes, 0, 0, end);
    return bytes;
  }

  decode(buffer: Buffer): T {
    return this.decodeAt(buffer, 0, buffer.length);
  }

  decodeAt(bytes: Buffer, start: number, end: number): T {
    const id = writerSchemaId(bytes, start, end);
    if (id !== this.#lastId) this.#select(id);
    if (this.#lastResolver === undefined) {
      try {
        const { read } = this.#code;
        if (read !== undefined) return read(bytes, start + HEADER_BYTES, end) as T;
      } catch {
        // avsc says below what is wrong.
      }
    }
    let decoded: { value: T; offset: number };
    try {
      decoded = this.#type.decode(bytes, start + HEADER_BYTES, this.#lastResolver);
    } catch (error) {
      throw this.#decodeError(messageOf(error), id);
    }
    if (decoded.offset < 0 || decoded.offset > end) throw this.#decodeError('bytes are missing', id);
    if (decoded.offset < end) throw this.#decodeError('there are bytes after the value', id);
    return decoded.value;
  }

  addWriterSchema(id: number, schema: object): void {
    const writer = parse(schema);
    let resolver: Resolver | undefined;
    if (!writer.equals(this.#type)) {
      try {
        resolver = this.#type.createResolver(writer);
      } catch (cause) {
        const message = `${this.#type.name} cannot be read from values of schema ${id}: ${messageOf(cause)}.`;
        throw new InputError('MR_SCHEMA_INCOMPATIBLE', message, {
          hint: 'Give new fields a default, and keep the types of the others.',
          cause,
        });
      }
    }
    this.#resolvers.set(id, resolver);
    this.#lastId = -1;
  }

  hasWriterSchema(id: number): boolean {
    return this.#resolvers.has(id);
  }

  #select(id: number): void {
    if (!this.#resolvers.has(id)) {
      throw new RetryableError('MR_SCHEMA_NOT_LOADED', `Schema ${id} is not loaded for ${this.#type.name}.`, {
        hint: `Fetch schema ${id} from the registry, add it to the codec and decode again.`,
      });
    }
    this.#lastId = id;
    this.#lastResolver = this.#resolvers.get(id);
  }

  #decodeError(problem: string, id: number): InputError {
    return new InputError('MR_AVRO_DECODE', `Not a ${this.#type.name} of schema ${id}: ${problem}.`, {
      hint: "The producer's data does not match its schema.",
    });
  }

  #encodeError(value: T, cause: unknown): InputError {
    let where = '';
    this.#type.isValid(value, {
      errorHook: (path, wrong, expected) => {
        if (where === '')
          where = `${path.join('.') || 'value'} is ${preview(wrong)}, expected ${describe(expected)}`;
      },
    });
    const problem = where === '' ? messageOf(cause) : where;
    return new InputError('MR_AVRO_ENCODE', `Not a ${this.#type.name}: ${problem}.`, {
      hint: 'Set the field named to a value of its type.',
      cause,
    });
  }
}

function parse(schema: object): Type {
  const text = JSON.stringify(schema);
  const known = types.get(text);
  if (known !== undefined) return known;
  try {
    const type = avroType(schema);
    types.set(text, type);
    return type;
  } catch (cause) {
    throw new InputError('MR_SCHEMA_INVALID', `Not an Avro schema: ${messageOf(cause)}.`, {
      hint: 'Compare it with the Avro specification, section "Schema Declaration".',
      cause,
    });
  }
}

function describe(type: Type): string {
  return type.name === undefined ? JSON.stringify(type.schema()) : type.name;
}

function preview(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
