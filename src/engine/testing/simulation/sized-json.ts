import type { Serde, Topic } from '../../serde.ts';
import { jsonTopic } from '../json-topic.ts';

/** Sizes that values are filled up to, give or take a byte: about a length of one byte, a page, and several of them. */
const SIZES = [0, 0, 128, 128, 128, 128, 128, 128, 128, 128, 128, 256, 256, 1_024, 1_024, 4_096];
const FILLING = '\n0123456789abcdef'.padEnd(8_192, '-x-y-z');

/**
 * JSON whose size varies with the value, so that the versions of a row differ in length, often by one byte, and some are
 * longer than all that writers set aside. `empty` is written as no bytes at all. The filling depends on the value: bytes
 * that were cut, run into each other, or were left from a longer value can't be decoded.
 */
export function sizedJson<V>(empty: V): Serde<V> {
  const emptyText = JSON.stringify(empty);
  const textOf = (value: V) => {
    const text = JSON.stringify(value);
    return text === emptyText ? '' : text + FILLING.slice(0, fillingOf(text));
  };
  const decoded = (text: string) => {
    const [json = ''] = text.split('\n', 1);
    const value = JSON.parse(text === '' ? emptyText : json) as V;
    if (textOf(value) !== text) throw new Error(`${text.length} bytes are not those of ${text.slice(0, 60)}`);
    return value;
  };
  return {
    encode: (value) => Buffer.from(textOf(value)),
    encodeInto: (value, target, at) => {
      const text = textOf(value);
      const end = at + text.length;
      if (end > target.length) return target.length - end;
      target.write(text, at, 'latin1');
      return end;
    },
    decode: (bytes) => decoded(bytes.toString()),
    decodeAt: (bytes, start, end) => decoded(bytes.toString('utf8', start, end)),
    prepare: async () => {},
    fingerprint: Buffer.from('sized-json'),
    framing: 0,
  };
}

/** Bytes that are added to a value's JSON: a line break, so that the JSON is told from what fills it up, then the rest. */
function fillingOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  const size = SIZES[(hash >>> 4) % SIZES.length] as number;
  return Math.max(0, size - text.length - 1 + ((hash >>> 12) % 3));
}

/** As jsonTopic, with values of many sizes. */
export function sizedTopic<V>(name: string, partitions: number, empty: V): Topic<string, V> {
  return jsonTopic(name, partitions, sizedJson(empty));
}
