/**
 * How values come into DuckDB's vectors: gathered in arrays of the vectors' own layout and copied there a chunk at a time,
 * so that a nested record costs neither an object nor a call for each of its fields. The layout is that of DuckDB's C API:
 * https://duckdb.org/docs/stable/clients/c/vector.
 */

import type { DuckDBListType, DuckDBStructType, DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import type { Vector } from '@duckdb/node-bindings';
import type { ListColumn, RecordColumn, TextColumn, ValueColumn } from '#avro';
import { duckDbApi, duckDbBindings } from './duckdb-package.ts';

/** Most rows of a chunk; DuckDB's `vector_size`. */
export const CHUNK_ROWS = 2048;

/** Gathers the values of one vector: those of rows 0, 1, 2 and so on, until `flush` hands them over. */
export abstract class ColumnWriter implements ValueColumn {
  /** A bit a row, set where the value is not null. */
  #valid = new Uint8Array(CHUNK_ROWS / 8).fill(0xff);
  #hasNulls = false;

  /** Null and undefined are null. */
  put(row: number, value: unknown): void {
    if (value === null || value === undefined) this.putNull(row);
    else this.putValue(row, value);
  }

  putNull(row: number): void {
    this.#valid[row >> 3] = (this.#valid[row >> 3] as number) & ~(1 << (row & 7));
    this.#hasNulls = true;
  }

  abstract putValue(row: number, value: unknown): void;

  /** Hands the first rows over, and no others: there may be no room for them. `clear` has to follow. */
  flush(vector: Vector, rows: number): void {
    this.flushValues(vector, rows);
    if (!this.#hasNulls) return;
    duckDbBindings().vector_ensure_validity_writable(vector);
    duckDbBindings().copy_data_to_vector_validity(vector, 0, this.#valid.buffer, 0, 8 * Math.ceil(rows / 64));
  }

  /** Forgets all rows. */
  clear(): void {
    if (this.#hasNulls) this.#valid.fill(0xff);
    this.#hasNulls = false;
  }

  /** Makes room for this many rows, twice those before: the items of lists may be more than the rows of a chunk. */
  grow(rows: number): void {
    this.#valid = new Uint8Array(this.#valid.buffer.transfer(rows / 8)).fill(0xff, rows / 16);
  }

  protected abstract flushValues(vector: Vector, rows: number): void;
}

/** The writer of a column, whose values are what Avro decodes for it: a `long` is a number, an enum its symbol. */
export function columnWriter(type: DuckDBType): ColumnWriter {
  const { DuckDBListType, DuckDBStructType } = duckDbApi();
  if (type instanceof DuckDBStructType) return new StructWriter(type);
  if (type instanceof DuckDBListType) return new ListWriter(type);
  const Writer = writers()[type.typeId];
  if (Writer === undefined) throw new TypeError(`nothing writes columns of type ${type}`);
  return new Writer();
}

type Numbers = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
type View<Values> = new (buffer: ArrayBuffer) => Values;

/** A writer of values that take the same number of bytes each; `values` is what they are written through. */
abstract class FixedWriter<Values extends Numbers> extends ColumnWriter {
  protected values: Values;
  readonly #Values: View<Values>;
  readonly #bytes: number;

  constructor(Values: View<Values>, bytes: number) {
    super();
    this.#Values = Values;
    this.#bytes = bytes;
    this.values = new Values(new ArrayBuffer(bytes * CHUNK_ROWS));
  }

  protected flushValues(vector: Vector, rows: number): void {
    duckDbBindings().copy_data_to_vector(vector, 0, this.values.buffer, 0, this.#bytes * rows);
  }

  override grow(rows: number): void {
    super.grow(rows);
    this.values = new this.#Values(this.values.buffer.transfer(this.#bytes * rows));
  }
}

class BooleanWriter extends FixedWriter<Uint8Array<ArrayBuffer>> {
  constructor() {
    super(Uint8Array, 1);
  }

  putValue(row: number, value: unknown): void {
    this.values[row] = value === true ? 1 : 0;
  }
}

class IntegerWriter extends FixedWriter<Int32Array<ArrayBuffer>> {
  constructor() {
    super(Int32Array, 4);
  }

  putValue(row: number, value: unknown): void {
    if (value !== ((value as number) | 0)) throw new RangeError(`${value} is not an integer of 32 bits`);
    this.values[row] = value as number;
  }
}

class LongWriter extends FixedWriter<Int32Array<ArrayBuffer>> {
  constructor() {
    super(Int32Array, 8);
  }

  putValue(row: number, value: unknown): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an integer of 53 bits`);
    // In two halves, the low one first: a number becomes no BigInt on the way.
    this.values[2 * row] = value as number;
    this.values[2 * row + 1] = Math.floor((value as number) / 2 ** 32);
  }
}

class DoubleWriter extends FixedWriter<Float64Array<ArrayBuffer>> {
  constructor() {
    super(Float64Array, 8);
  }

  putValue(row: number, value: unknown): void {
    this.values[row] = value as number;
  }
}

/** A duckdb_string_t: its length, then the text itself where it has room. DuckDB compares these bytes: the rest is 0. */
const STRING_BYTES = 16;
const INLINED_AT = 4;

class TextWriter extends FixedWriter<Uint8Array<ArrayBuffer>> implements TextColumn {
  /** What has no room, or takes more than a byte a character. */
  readonly #others: { readonly row: number; readonly text: string }[] = [];

  constructor() {
    super(Uint8Array, STRING_BYTES);
  }

  putValue(row: number, value: unknown): void {
    const text = value as string;
    if (!this.#inline(STRING_BYTES * row, text)) this.#others.push({ row, text });
  }

  putText(row: number, bytes: Buffer, start: number, end: number): void {
    if (!this.#inlineBytes(STRING_BYTES * row, bytes, start, end)) {
      this.#others.push({ row, text: bytes.toString('utf8', start, end) });
    }
  }

  override clear(): void {
    super.clear();
    this.#others.length = 0;
  }

  protected override flushValues(vector: Vector, rows: number): void {
    super.flushValues(vector, rows);
    for (const { row, text } of this.#others) {
      if (row < rows) duckDbBindings().vector_assign_string_element(vector, row, text);
    }
  }

  #inline(start: number, text: string): boolean {
    const { length } = text;
    if (length > STRING_BYTES - INLINED_AT) return false;
    const { values } = this;
    let at = start + INLINED_AT;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      values[at++] = unit;
    }
    while (at < start + STRING_BYTES) values[at++] = 0;
    values[start] = length;
    return true;
  }

  #inlineBytes(start: number, bytes: Buffer, from: number, to: number): boolean {
    const length = to - from;
    if (length > STRING_BYTES - INLINED_AT) return false;
    const { values } = this;
    let at = start + INLINED_AT;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      // Beyond ASCII it may be no UTF-8 at all.
      if (byte > 0x7f) return false;
      values[at++] = byte;
    }
    while (at < start + STRING_BYTES) values[at++] = 0;
    values[start] = length;
    return true;
  }
}

class BytesWriter extends ColumnWriter {
  readonly #values: { readonly row: number; readonly bytes: Uint8Array }[] = [];

  putValue(row: number, value: unknown): void {
    this.#values.push({ row, bytes: value as Uint8Array });
  }

  override clear(): void {
    super.clear();
    this.#values.length = 0;
  }

  protected flushValues(vector: Vector, rows: number): void {
    for (const { row, bytes } of this.#values) {
      if (row < rows) duckDbBindings().vector_assign_string_element_len(vector, row, bytes);
    }
  }
}

class StructWriter extends ColumnWriter implements RecordColumn {
  readonly fields: ReadonlyMap<string, ColumnWriter>;
  readonly #names: readonly string[];
  readonly #fields: readonly ColumnWriter[];

  constructor({ entryNames, entryTypes }: DuckDBStructType) {
    super();
    this.#fields = entryTypes.map(columnWriter);
    this.fields = new Map(entryNames.map((name, i) => [name, this.#fields[i] as ColumnWriter]));
    this.#names = entryNames;
  }

  /** DuckDB wants the fields of a null to be null. */
  override putNull(row: number): void {
    super.putNull(row);
    for (const field of this.#fields) field.putNull(row);
  }

  putValue(row: number, value: unknown): void {
    const record = value as Readonly<Record<string, unknown>>;
    for (let i = 0; i < this.#fields.length; i++) {
      this.#fields[i]?.put(row, record[this.#names[i] as string]);
    }
  }

  override clear(): void {
    super.clear();
    for (const field of this.#fields) field.clear();
  }

  override grow(rows: number): void {
    super.grow(rows);
    for (const field of this.#fields) field.grow(rows);
  }

  protected flushValues(vector: Vector, rows: number): void {
    for (const [i, field] of this.#fields.entries()) {
      field.flush(duckDbBindings().struct_vector_get_child(vector, i), rows);
    }
  }
}

/** A row is a duckdb_list_entry: the first item and how many there are, of 64 bits each. */
class ListWriter extends FixedWriter<Int32Array<ArrayBuffer>> implements ListColumn {
  readonly items: ColumnWriter;
  room = CHUNK_ROWS;
  count = 0;

  constructor({ valueType }: DuckDBListType) {
    super(Int32Array, 16);
    this.items = columnWriter(valueType);
  }

  override putNull(row: number): void {
    super.putNull(row);
    this.putItems(row, this.count);
  }

  putValue(row: number, value: unknown): void {
    let at = this.count;
    for (const item of value as readonly unknown[]) {
      if (at === this.room) this.makeRoom();
      this.items.put(at++, item);
    }
    this.putItems(row, at);
  }

  putItems(row: number, end: number): void {
    this.values[4 * row] = this.count;
    this.values[4 * row + 2] = end - this.count;
    this.count = end;
  }

  makeRoom(): void {
    this.room *= 2;
    this.items.grow(this.room);
  }

  override clear(): void {
    super.clear();
    this.items.clear();
    this.count = 0;
  }

  protected override flushValues(vector: Vector, rows: number): void {
    super.flushValues(vector, rows);
    duckDbBindings().list_vector_reserve(vector, this.count);
    duckDbBindings().list_vector_set_size(vector, this.count);
    this.items.flush(duckDbBindings().list_vector_get_child(vector), this.count);
  }
}

function writers(): Partial<Record<DuckDBTypeId, new () => ColumnWriter>> {
  const { DuckDBTypeId } = duckDbApi();
  return {
    [DuckDBTypeId.BOOLEAN]: BooleanWriter,
    [DuckDBTypeId.INTEGER]: IntegerWriter,
    [DuckDBTypeId.BIGINT]: LongWriter,
    [DuckDBTypeId.DOUBLE]: DoubleWriter,
    [DuckDBTypeId.VARCHAR]: TextWriter,
    [DuckDBTypeId.BLOB]: BytesWriter,
  };
}
