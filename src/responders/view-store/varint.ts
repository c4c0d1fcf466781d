/** Numbers below 2^32 in seven bits a byte, the lowest first. */
import { invariant } from '#platform';

export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  for (; rest > 0x7f; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end++] = rest;
  return end;
}

export function readVarint(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at, shift = 0; ; i++, shift += 7) {
    const byte = bytes[i];
    invariant(byte !== undefined, 'a number ends where its bytes do');
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}
