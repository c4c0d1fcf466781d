import { InputError } from '#platform';
import type { KeySerde } from '../serde.ts';

/** What is shown of a key. */
const KEY_CHARACTERS = 100;

/** Whether a time is one that every topic, store and window takes: whole milliseconds from 0 to 2^53 - 1. */
export function isTime(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0;
}

/** The error of a record or a change of a store at no such time. `what` is a sentence's beginning. */
export function noTime(what: string, ms: unknown): InputError {
  return new InputError('MR_RECORD_TIMESTAMP', `${what} the time ${String(ms)}`, {
    hint: 'use whole milliseconds since 1970, from 0 to 2^53 - 1',
  });
}

/**
 * A key's text. Errors: MR_RECORD_KEY where it is none, as of a key that came from JSON and is a number; the message
 * names the operator.
 */
export function textOf<K>(serde: KeySerde<K>, key: K, operator: string): string {
  const text: unknown = serde.toText(key);
  if (typeof text === 'string') return text;
  throw new InputError(
    'MR_RECORD_KEY',
    `${operator}: the key ${shown(key)} is ${kindOf(text)}, not a string`,
    {
      hint: 'convert it to a string, or give the operator a key serde that does',
    },
  );
}

/** `key` for one operator: its `toText` fails as `textOf` does. */
export function checkedKey<K>(key: KeySerde<K>, operator: string): KeySerde<K> {
  return { ...key, toText: (of) => textOf(key, of, operator), fromText: (text) => key.fromText(text) };
}

/** The error of a function that has returned, or a handler that has emitted, undefined. `did` is a verb in the past. */
export function undefinedOf(operator: string, key: unknown, did = 'returned'): InputError {
  return new InputError('MR_RECORD_UNDEFINED', `${operator} ${did} undefined for the key ${shown(key)}`, {
    hint: 'return a value, or null for none',
  });
}

/** A key in a message: JSON, cut short. */
export function shown(key: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(key);
  } catch {
    // It refers to itself, or holds a BigInt.
  }
  return (text ?? String(key)).slice(0, KEY_CHARACTERS);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
