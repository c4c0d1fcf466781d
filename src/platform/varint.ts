/**
 * Varints: seven bits a byte, lowest first. `unsigned` ones hold the number itself (LEB128); `varint` and `varlong` have
 * its sign in the lowest bit (zigzag), as Avro and Kafka write them. Those of 32 bits take integer arithmetic; larger
 * numbers are exact up to 2^53. Reads beyond the end of `bytes` see zeros: callers that don't trust them check `varintEnd`.
 *
 * Elsewhere stand the forms that differ in what they refuse: compiled Avro, whose range is narrower, the strict reader of
 * aggregation states, protocol buffers of 64 bits, and the WebAssembly assembler, which appends to lists.
 */

/** Where the last read stopped; a variable of the module, because returning a pair would allocate per record. */
export let varintEnd = 0;

/** What `readVarint` gives for a run of bytes that is no 32-bit number: as a length or an offset it is refused. */
const MALFORMED = -0x8000_0000;

export function readVarint(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++] as number;
  let raw = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    if (shift > 28) return MALFORMED;
    byte = bytes[at++] as number;
    raw |= (byte & 0x7f) << shift;
  }
  varintEnd = at;
  return (raw >>> 1) ^ -(raw & 1);
}

/** As readVarint, for numbers of 64 bits; NaN where they are malformed. Beyond 2^53 they are not exact. */
export function readVarlong(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++] as number;
  let low = byte & 0x7f;
  for (let shift = 7; byte >= 0x80 && shift <= 21; shift += 7) {
    byte = bytes[at++] as number;
    low |= (byte & 0x7f) << shift;
  }
  if (byte < 0x80) {
    varintEnd = at;
    return (low >>> 1) ^ -(low & 1);
  }
  let high = 0;
  for (let factor = 1; byte >= 0x80; factor *= 0x80) {
    if (factor > 2 ** 35) return Number.NaN;
    byte = bytes[at++] as number;
    high += (byte & 0x7f) * factor;
  }
  varintEnd = at;
  const magnitude = high * 2 ** 27 + (low >>> 1);
  return low & 1 ? -magnitude - 1 : magnitude;
}

/** A number from 0 to 2^53 - 1. */
export function readUnsigned(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++] as number;
  let value = byte & 0x7f;
  for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
    byte = bytes[at++] as number;
    value += (byte & 0x7f) * factor;
  }
  varintEnd = at;
  return value;
}

/** Bytes of a number below 2^32. */
export function unsignedBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Returns the end. The number is from 0 to 2^53 - 1. */
export function writeUnsigned(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7fff_ffff) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** Bytes of a number of 32 bits. */
export function varintBytes(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0;
  return unsignedBytes(raw);
}

export function writeVarint(target: Uint8Array, at: number, value: number): number {
  return writeUnsigned(target, at, ((value << 1) ^ (value >> 31)) >>> 0);
}

export function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value);
  let bytes = 1;
  for (let rest = Math.floor(magnitudeOf(value) / 64); rest > 0; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

export function writeVarlong(target: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(target, at, value);
  const magnitude = magnitudeOf(value);
  let byte = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  for (let rest = Math.floor(magnitude / 64); rest > 0; rest = Math.floor(rest / 0x80)) {
    target[at++] = byte | 0x80;
    byte = rest % 0x80;
  }
  target[at++] = byte;
  return at;
}

const magnitudeOf = (value: number): number => (value < 0 ? -value - 1 : value);
