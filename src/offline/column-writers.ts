/**
 * How values come into DuckDB's vectors: gathered in arrays of the vectors' own layout and copied there a chunk at a time,
 * so that a nested record costs neither an object nor a call for each of its fields. The layout is that of DuckDB's C API:
 * https://duckdb.org/docs/stable/clients/c/vector.
 */
import { DuckDBListType, DuckDBStructType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';

/** Most rows of a chunk. */
export const chunkRows = duckdb.vector_size();

/** Gathers the values of one vector: those of rows 0, 1, 2 and so on, until `flush` hands them over. */
export abstract class ColumnWriter {
  /** Rows that there is room for; the items of lists may be more than those of a chunk. */
  #capacity = chunkRows;
  /** A bit a row, set where the value is not null. */
  #valid = new Uint8Array(chunkRows / 8).fill(0xff);
  #hasNulls = false;

  /** Null and undefined are null. */
  put(row: number, value: unknown): void {
    if (row === this.#capacity) this.#grow();
    if (value === null || value === undefined) this.putNull(row);
    else this.putValue(row, value);
  }

  flush(vector: Vector, rows: number): void {
    this.flushValues(vector, rows);
    if (!this.#hasNulls) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#valid.buffer, 0, 8 * Math.ceil(rows / 64));
    this.#valid.fill(0xff);
    this.#hasNulls = false;
  }

  protected putNull(row: number): void {
    this.#valid[row >> 3] = (this.#valid[row >> 3] as number) & ~(1 << (row & 7));
    this.#hasNulls = true;
  }

  protected abstract putValue(row: number, value: unknown): void;
  protected abstract flushValues(vector: Vector, rows: number): void;
  protected abstract grow(capacity: number): void;

  #grow(): void {
    const bytes = this.#capacity / 8;
    this.#capacity *= 2;
    this.#valid = new Uint8Array(this.#valid.buffer.transfer(2 * bytes)).fill(0xff, bytes);
    this.grow(this.#capacity);
  }
}

/** The writer of a column, whose values are what Avro decodes for it: a `long` is a number, an enum its symbol. */
export function columnWriter(type: DuckDBType): ColumnWriter {
  if (type instanceof DuckDBStructType) return new StructWriter(type);
  if (type instanceof DuckDBListType) return new ListWriter(type);
  const Writer = writers[type.typeId];
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
    this.values = new Values(new ArrayBuffer(bytes * chunkRows));
  }

  protected flushValues(vector: Vector, rows: number): void {
    duckdb.copy_data_to_vector(vector, 0, this.values.buffer, 0, this.#bytes * rows);
  }

  protected grow(capacity: number): void {
    this.values = new this.#Values(this.values.buffer.transfer(this.#bytes * capacity));
  }
}

class BooleanWriter extends FixedWriter<Uint8Array<ArrayBuffer>> {
  constructor() {
    super(Uint8Array, 1);
  }

  protected putValue(row: number, value: unknown): void {
    this.values[row] = value === true ? 1 : 0;
  }
}

class IntegerWriter extends FixedWriter<Int32Array<ArrayBuffer>> {
  constructor() {
    super(Int32Array, 4);
  }

  protected putValue(row: number, value: unknown): void {
    if (value !== ((value as number) | 0)) throw new RangeError(`${value} is not an integer of 32 bits`);
    this.values[row] = value as number;
  }
}

class LongWriter extends FixedWriter<Int32Array<ArrayBuffer>> {
  constructor() {
    super(Int32Array, 8);
  }

  protected putValue(row: number, value: unknown): void {
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

  protected putValue(row: number, value: unknown): void {
    this.values[row] = value as number;
  }
}

/** A duckdb_string_t: its length, then the text itself where it has room. DuckDB compares these bytes: the rest is 0. */
const stringBytes = 16;
const inlinedAt = 4;

class TextWriter extends FixedWriter<Uint8Array<ArrayBuffer>> {
  /** What has no room, or takes more than a byte a character. */
  readonly #others: { readonly row: number; readonly text: string }[] = [];

  constructor() {
    super(Uint8Array, stringBytes);
  }

  protected putValue(row: number, value: unknown): void {
    const text = value as string;
    if (!this.#inline(stringBytes * row, text)) this.#others.push({ row, text });
  }

  protected override flushValues(vector: Vector, rows: number): void {
    super.flushValues(vector, rows);
    for (const { row, text } of this.#others) duckdb.vector_assign_string_element(vector, row, text);
    this.#others.length = 0;
  }

  #inline(start: number, text: string): boolean {
    const { length } = text;
    if (length > stringBytes - inlinedAt) return false;
    const { values } = this;
    let at = start + inlinedAt;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      values[at++] = unit;
    }
    while (at < start + stringBytes) values[at++] = 0;
    values[start] = length;
    return true;
  }
}

class BytesWriter extends ColumnWriter {
  readonly #values: { readonly row: number; readonly bytes: Uint8Array }[] = [];

  protected putValue(row: number, value: unknown): void {
    this.#values.push({ row, bytes: value as Uint8Array });
  }

  protected flushValues(vector: Vector): void {
    for (const { row, bytes } of this.#values) duckdb.vector_assign_string_element_len(vector, row, bytes);
    this.#values.length = 0;
  }

  protected grow(): void {}
}

class StructWriter extends ColumnWriter {
  readonly #fields: readonly ColumnWriter[];
  readonly #putFields: PutFields;

  constructor({ entryNames, entryTypes }: DuckDBStructType) {
    super();
    this.#fields = entryTypes.map(columnWriter);
    this.#putFields = compilePutFields(entryNames, this.#fields);
  }

  /** DuckDB wants the fields of a null to be null. */
  protected override putNull(row: number): void {
    super.putNull(row);
    for (const field of this.#fields) field.put(row, null);
  }

  protected putValue(row: number, value: unknown): void {
    this.#putFields(row, value);
  }

  protected flushValues(vector: Vector, rows: number): void {
    for (const [i, field] of this.#fields.entries()) {
      field.flush(duckdb.struct_vector_get_child(vector, i), rows);
    }
  }

  protected grow(): void {}
}

type PutFields = (row: number, record: unknown) => void;

/** A line of code for each field: in a loop over the names every access would be one by any name. */
function compilePutFields(names: readonly string[], writers: readonly ColumnWriter[]): PutFields {
  const lines = names.map((name, i) => `writer${i}.put(row, record[${JSON.stringify(name)}]);`);
  const body = `'use strict'; return (row, record) => {\n${lines.join('\n')}\n};`;
  return new Function(...names.map((_, i) => `writer${i}`), body)(...writers) as PutFields;
}

/** A row is a duckdb_list_entry: the first item and how many there are, of 64 bits each. */
class ListWriter extends FixedWriter<Int32Array<ArrayBuffer>> {
  readonly #items: ColumnWriter;
  #count = 0;

  constructor({ valueType }: DuckDBListType) {
    super(Int32Array, 16);
    this.#items = columnWriter(valueType);
  }

  protected override putNull(row: number): void {
    super.putNull(row);
    this.#enter(row, 0);
  }

  protected putValue(row: number, value: unknown): void {
    const list = value as readonly unknown[];
    this.#enter(row, list.length);
    let at = this.#count;
    for (const item of list) this.#items.put(at++, item);
    this.#count = at;
  }

  protected override flushValues(vector: Vector, rows: number): void {
    super.flushValues(vector, rows);
    duckdb.list_vector_reserve(vector, this.#count);
    duckdb.list_vector_set_size(vector, this.#count);
    this.#items.flush(duckdb.list_vector_get_child(vector), this.#count);
    this.#count = 0;
  }

  #enter(row: number, length: number): void {
    this.values[4 * row] = this.#count;
    this.values[4 * row + 2] = length;
  }
}

const writers: Partial<Record<DuckDBTypeId, new () => ColumnWriter>> = {
  [DuckDBTypeId.BOOLEAN]: BooleanWriter,
  [DuckDBTypeId.INTEGER]: IntegerWriter,
  [DuckDBTypeId.BIGINT]: LongWriter,
  [DuckDBTypeId.DOUBLE]: DoubleWriter,
  [DuckDBTypeId.VARCHAR]: TextWriter,
  [DuckDBTypeId.BLOB]: BytesWriter,
};
