/**
 * avsc's types, made safe against bytes that are wrong. As shipped, it trusts the count that precedes the items
 * of an array or map (a few bytes make it loop for hours or allocate until the process dies), reads an int of any
 * size, and writes a long below -2^52 as a positive number.
 */
import avsc from 'avsc';

/** The part of avsc's reading and writing position that the types use. */
type Tap = {
  readonly buf: Buffer;
  pos: number;
  readInt(): number;
  readLong(): number;
  readString(): string;
  writeLong(value: number): void;
};
type Internal = { _read(tap: Tap): unknown; _skip(tap: Tap): void };
type Hook = ((value: unknown, type: avsc.Type) => void) | undefined;

/** Zigzag doubles a value, and doubles are exact up to 2^53. */
export const LARGEST_LONG = 2 ** 52 - 1;

/** The longest varint of a 64-bit long. */
const LONGEST_BYTES = 10;

/** avsc's type of `schema`: strict types, unions unwrapped, longs as numbers, records as plain objects. */
export function avroType(schema: object): avsc.Type {
  const type = avsc.Type.forSchema(schema as avsc.Schema, {
    wrapUnions: 'never',
    omitRecordMethods: true,
    typeHook: (each, options) => {
      const kind = typeof each === 'object' && 'type' in each ? each.type : each;
      if (kind === 'array') return new StrictArrayType(each, options);
      if (kind === 'map') return new StrictMapType(each, options);
      if (kind === 'int') return new StrictIntType();
      if (kind === 'long') return new StrictLongType();
      return undefined;
    },
  });
  makePlain(type, new Set());
  return type;
}

class StrictIntType extends avsc.types.IntType {
  _read(tap: Tap): number {
    const value = tap.readInt();
    if (value !== (value | 0)) throw new Error('an int of more than 32 bits');
    return value;
  }
}

class StrictLongType extends avsc.types.LongType {
  _check(value: unknown, _flags: unknown, hook: Hook): boolean {
    const valid = isExactLong(value);
    if (!valid && hook !== undefined) hook(value, this);
    return valid;
  }

  _read(tap: Tap): number {
    const start = tap.pos;
    const value = tap.readLong();
    if (value > LARGEST_LONG || value < -LARGEST_LONG) {
      throw new Error(`the long ${digitsAt(tap.buf, start)} has more than 53 bits`);
    }
    return value;
  }

  _write(tap: Tap, value: unknown): void {
    if (!isExactLong(value)) throw new Error(`invalid "long": ${String(value)}`);
    tap.writeLong(value);
  }
}

/** All digits of the long that begins at `at`, which doubles do not have. */
function digitsAt(bytes: Buffer, at: number): bigint {
  let zigzag = 0n;
  for (let i = at, shift = 0n; i < Math.min(at + LONGEST_BYTES, bytes.length); i++, shift += 7n) {
    zigzag |= BigInt((bytes[i] as number) & 0x7f) << shift;
    if ((bytes[i] as number) < 0x80) break;
  }
  return (zigzag >> 1n) ^ -(zigzag & 1n);
}

/** Whether Avro's long can carry it here. */
export function isExactLong(value: unknown): value is number {
  return typeof value === 'number' && value % 1 === 0 && value <= LARGEST_LONG && value >= -LARGEST_LONG;
}

class StrictArrayType extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Internal;
    const values: unknown[] = [];
    for (let left = blockCount(tap); left > 0; left = blockCount(tap)) {
      for (; left > 0; left--) values.push(items._read(tap));
    }
    return values;
  }

  _skip(tap: Tap): void {
    const items = this.itemsType as unknown as Internal;
    for (let left = blockCount(tap); left > 0; left = blockCount(tap)) {
      for (; left > 0; left--) items._skip(tap);
    }
  }
}

class StrictMapType extends avsc.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const values = this.valuesType as Internal;
    const map: Record<string, unknown> = {};
    for (let left = blockCount(tap); left > 0; left = blockCount(tap)) {
      for (; left > 0; left--) {
        const key = tap.readString();
        if (key === '__proto__') throw new Error('a map with the key __proto__');
        map[key] = values._read(tap);
      }
    }
    return map;
  }

  _skip(tap: Tap): void {
    const values = this.valuesType as Internal;
    for (let left = blockCount(tap); left > 0; left = blockCount(tap)) {
      for (; left > 0; left--) {
        tap.readString();
        values._skip(tap);
      }
    }
  }
}

/** Every item takes a byte at least: no schema of ours has an array of nulls or of empty records. */
function blockCount(tap: Tap): number {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    tap.readLong(); // The block's length in bytes: a negative count announces it.
  }
  if (count > tap.buf.length - tap.pos) throw new Error('more items announced than bytes left');
  return count;
}

/** Gives decoded records the prototype of an object literal, so that they compare and clone like one. */
function makePlain(type: avsc.Type, seen: Set<avsc.Type>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (type instanceof avsc.types.RecordType) {
    type.recordConstructor.prototype = Object.prototype;
    for (const field of type.fields) makePlain(field.type, seen);
  } else if (type instanceof avsc.types.ArrayType) makePlain(type.itemsType, seen);
  else if (type instanceof avsc.types.MapType) makePlain(type.valuesType, seen);
  else if (type instanceof avsc.types.UnwrappedUnionType)
    for (const each of type.types) makePlain(each, seen);
}
