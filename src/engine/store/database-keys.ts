/** The keys of a database, which all stores of a task share. */
import { textRoom, writeText } from '#log';
import { invariant } from '#platform';
import type { KeyRange } from './port.ts';

/** Grows to the longest key seen. */
let scratch = Buffer.allocUnsafeSlow(256);

/** Keys of a store in its task's database: 1, length of the name, name, key. */
export function storePrefix(name: string): Buffer {
  const bytes = Buffer.from(name);
  invariant(bytes.length < 256, `store name ${name} is too long`);
  return Buffer.concat([Buffer.from([1, bytes.length]), bytes]);
}

/** The bytes of `prefix`, then `key` as UTF-8. */
export function prefixedKey(prefix: Buffer, key: string): Buffer {
  const room = prefix.length + textRoom(key);
  if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * room);
  prefix.copy(scratch);
  const end = writeText(scratch, prefix.length, key);
  const bytes = Buffer.allocUnsafe(end);
  scratch.copy(bytes, 0, 0, end);
  return bytes;
}

/** All keys that begin with `prefix`. */
export function prefixRange(prefix: Buffer): KeyRange {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] as number) + 1;
  return { gte: prefix, lt: end };
}
