/** What stands before a value's body in the wire format: a zero, and the id of the writer's schema. */
import { writerSchemaId } from '#avro';

const PREFIX_BYTES = 5;
/** The whole value follows: its topic has been written with more schemas than a byte counts. */
const WHOLE = 0xff;

/**
 * Values of one topic without what all of them begin with: one byte says which of the writers' schemas it was, instead
 * of five. Rows of a user and an item are some twenty bytes long, and there are many of them.
 */
export class ShortRows {
  readonly #prefixes: Buffer[] = [];
  readonly #indices = new Map<number, number>();

  /** Shortens a value in the wire format. */
  shorten(value: Buffer): Buffer {
    const index = this.#indexOf(value);
    const from = index === WHOLE ? 0 : PREFIX_BYTES;
    const row = Buffer.allocUnsafe(1 + value.length - from);
    row[0] = index;
    value.copy(row, 1, from);
    return row;
  }

  /** The value that `shorten` was given. */
  lengthen(row: Buffer): Buffer {
    const index = row[0] as number;
    if (index === WHOLE) return row.subarray(1);
    const value = Buffer.allocUnsafe(PREFIX_BYTES + row.length - 1);
    this.#prefixes[index]?.copy(value);
    row.copy(value, PREFIX_BYTES, 1);
    return value;
  }

  #indexOf(value: Buffer): number {
    const schema = writerSchemaId(value);
    const known = this.#indices.get(schema);
    if (known !== undefined) return known;
    if (this.#prefixes.length === WHOLE) return WHOLE;
    const index = this.#prefixes.push(Buffer.from(value.subarray(0, PREFIX_BYTES))) - 1;
    this.#indices.set(schema, index);
    return index;
  }
}
