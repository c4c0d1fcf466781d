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
