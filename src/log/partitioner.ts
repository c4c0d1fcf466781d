/**
 * Kafka's default partitioner: murmur2 of the key as in the Java client (org.apache.kafka.common.utils.Utils), made
 * positive by clearing the sign bit, modulo the number of partitions. Producers in other languages that use the
 * Java hash put the same key in the same partition.
 */

const SEED = 0x9747b28c | 0;
const M = 0x5bd1e995;

/** Murmur2 as in Kafka's Java client, a signed 32-bit integer. */
export function murmur2(data: Uint8Array): number {
  const { length } = data;
  let h = SEED ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const low = (data[i] as number) | ((data[i + 1] as number) << 8);
    h = mixed(h, low | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24));
  }
  let rest = 0;
  for (let i = length - 1; i >= whole; i--) rest = (rest << 8) | (data[i] as number);
  return finished(h, rest, length !== whole);
}

/** Murmur2 of a text's bytes where all of them are ASCII; undefined for another. */
function murmur2OfAscii(text: string): number | undefined {
  const { length } = text;
  let h = SEED ^ length;
  let beyond = 0;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    beyond |= a | b | c | d;
    h = mixed(h, a | (b << 8) | (c << 16) | (d << 24));
  }
  let rest = 0;
  for (let i = length - 1; i >= whole; i--) {
    const unit = text.charCodeAt(i);
    beyond |= unit;
    rest = (rest << 8) | unit;
  }
  return beyond > 0x7f ? undefined : finished(h, rest, length !== whole);
}

function mixed(h: number, word: number): number {
  const k = Math.imul(word, M);
  return Math.imul(h, M) ^ Math.imul(k ^ (k >>> 24), M);
}

function finished(h: number, rest: number, hasRest: boolean): number {
  let last = hasRest ? Math.imul(h ^ rest, M) : h;
  last = Math.imul(last ^ (last >>> 13), M);
  return last ^ (last >>> 15);
}

/** The partition, 0 to `partitions` - 1, that Kafka's default partitioner gives `key`, bytes or text. */
export function partitionFor(key: Buffer | string, partitions: number): number {
  const hash = typeof key === 'string' ? (murmur2OfAscii(key) ?? murmur2(Buffer.from(key))) : murmur2(key);
  return (hash & 0x7fffffff) % partitions;
}
