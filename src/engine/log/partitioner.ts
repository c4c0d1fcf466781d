/**
 * Kafka's default partitioner: murmur2 of the key as in the Java client (org.apache.kafka.common.utils.Utils), made
 * positive by clearing the sign bit, modulo the number of partitions. Producers in other languages that use the
 * Java hash put the same key in the same partition.
 */

import { textRoom, writeText } from './text-bytes.ts';

const SEED = 0x9747b28c | 0;
const M = 0x5bd1e995;

/** Murmur2 of the first `length` bytes as in Kafka's Java client, a signed 32-bit integer. */
export function murmur2(data: Uint8Array, length = data.length): number {
  let h = SEED ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k =
      (data[i] as number) |
      ((data[i + 1] as number) << 8) |
      ((data[i + 2] as number) << 16) |
      ((data[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= (data[whole + 2] as number) << 16;
  if (rest >= 2) h ^= (data[whole + 1] as number) << 8;
  if (rest >= 1) h = Math.imul(h ^ (data[whole] as number), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

/** The partition, 0 to `partitions` - 1, that Kafka's default partitioner gives `key`, bytes or text. */
export function partitionFor(key: Buffer | string, partitions: number): number {
  const hash = typeof key === 'string' ? murmur2(scratch, writeScratch(key)) : murmur2(key);
  return (hash & 0x7fffffff) % partitions;
}

/** Grows to the longest text key seen. */
let scratch = Buffer.allocUnsafeSlow(256);

function writeScratch(text: string): number {
  if (textRoom(text) > scratch.length) scratch = Buffer.allocUnsafeSlow(textRoom(text));
  return writeText(scratch, 0, text);
}
