import { DynamicBuffer } from '@platformatic/dynamic-buffer';
import { crc32c } from '@platformatic/kafka';

/**
 * The header of Kafka's record batch, version 2 (KIP-98), big endian:
 *
 *     0  i64  base offset           23  i32  last offset - base offset
 *     8  i32  bytes that follow     27  i64  base timestamp
 *    12  i32  leader epoch          35  i64  largest timestamp
 *    16  i8   magic (2)             43  i64  producer id, or -1
 *    17  u32  CRC-32C of the rest   51  i16  producer epoch
 *    21  i16  attributes            53  i32  sequence number of the first record
 *                                   57  i32  number of records
 *
 * Then the records, all of them compressed together where the attributes say so. Each is a length, an unused byte,
 * timestamp - base timestamp, offset - base offset, then key and value, each behind its length (-1: null), then the number
 * of headers and each of these as two runs of bytes behind their lengths. All those numbers are zigzag varints.
 */
export const HEADER_BYTES = 61;
/** What the field `BYTES_THAT_FOLLOW` doesn't count. */
export const BYTES_BEFORE = 12;
export const BYTES_THAT_FOLLOW = 8;
export const LEADER_EPOCH = 12;
export const MAGIC = 16;
export const CHECKSUM = 17;
export const ATTRIBUTES = 21;
export const LAST_OFFSET_DELTA = 23;
export const BASE_TIMESTAMP = 27;
export const MAX_TIMESTAMP = 35;
export const PRODUCER_ID = 43;
export const PRODUCER_EPOCH = 51;
export const SEQUENCE = 53;
export const COUNT = 57;

/** Attributes. */
export const COMPRESSION = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

export const CURRENT_MAGIC = 2;

/** Exact between -2^53 and 2^53; numbers beyond come out beyond. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

export function writeInt64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4);
}

/** CRC-32C of everything from the attributes on. */
export function checksum(bytes: Buffer, start: number, end: number): number {
  // A plain buffer would be copied, one that is wrapped is not.
  return crc32c(new DynamicBuffer(bytes.subarray(start + ATTRIBUTES, end)));
}
