import { readUnsigned, varintEnd } from '#platform';

/** Writes messages in the protobuf wire format; as much of it as ONNX files need. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];

  /** A varint field; negative numbers take ten bytes, as int64 does. */
  int(field: number, value: number): this {
    return this.#varint(field * 8).#varint(value);
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2).#varint(value.byteLength);
    this.#parts.push(value);
    return this;
  }

  /** A repeated field of floats, packed. */
  floats(field: number, { buffer, byteOffset, byteLength }: Float32Array): this {
    return this.bytes(field, new Uint8Array(buffer, byteOffset, byteLength));
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #varint(value: number): this {
    if (value >= 0 && value < 128) {
      this.#parts.push(Uint8Array.of(value));
      return this;
    }
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }
}

/** A field of a message: a number, or the bytes of a text or of a message. */
export type Field = { readonly field: number; readonly value: number | Uint8Array };

const VARINT = 0;
const BYTES = 2;

/** The fields of a message that consists of numbers from 0 up and of bytes; undefined where it is damaged, or has others. */
export function fieldsOf(message: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const key = readUnsigned(message, at);
    const value = readUnsigned(message, varintEnd);
    at = varintEnd;
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === VARINT) fields.push({ field, value });
    else {
      if (wire !== BYTES || at + value > message.length) return undefined;
      fields.push({ field, value: message.subarray(at, at + value) });
      at += value;
    }
  }
  return fields;
}
