import { InputError } from '#platform';
import type { KeySerde } from '../../serde.ts';
import { closesAt, type Window } from './window.ts';

/** A key within a window. `endMs` is exclusive for tumbling and hopping windows, inclusive for the others. */
export type Windowed<K> = { readonly key: K; readonly startMs: number; readonly endMs: number };

/** A key's text that says when its row is final. */
export type WindowedKeySerde<K> = KeySerde<Windowed<K>> & {
  /** The watermark from which on the row changes no more. */
  readonly closesAt: (key: Windowed<K>) => number;
};

/** What a key may say of its row's window; undefined where it has none. */
type Closing<K> = {
  readonly closesAt?: (key: K) => number;
  /** Rows come through topics of their own, behind the watermark: a row may still change after its window has closed. */
  readonly isBehind?: true;
};

const TIME_DIGITS = 16;
const SUFFIX = 1 + 2 * TIME_DIGITS;
const MAX_CACHED = 4096;
const cached = new Map<number, string>();

/** A time as 16 hexadecimal digits: the order of texts is that of times. */
export function timeText(ms: number): string {
  const known = cached.get(ms);
  if (known !== undefined) return known;
  const text = ms.toString(16).padStart(TIME_DIGITS, '0');
  if (cached.size >= MAX_CACHED) cached.clear();
  cached.set(ms, text);
  return text;
}

/** The row of a key's window: the key's rows lie together, ordered by start. */
export function rowKey(key: string, startMs: number): string {
  return `${key}\u0000${timeText(startMs)}`;
}

export function parseRowKey(text: string): { readonly key: string; readonly startMs: number } {
  const at = text.length - TIME_DIGITS;
  return { key: text.slice(0, at - 1), startMs: Number.parseInt(text.slice(at), 16) };
}

/**
 * Windowed keys as text: the key's, a zero character, 16 hexadecimal digits each of start and end. Read from its end,
 * so that the key may hold any character. Errors of `fromText`: MR_RECORD_WINDOWED_KEY.
 */
export function windowedKey<K>(key: KeySerde<K>): KeySerde<Windowed<K>> {
  return {
    toText: (windowed) =>
      `${key.toText(windowed.key)}\u0000${timeText(windowed.startMs)}${timeText(windowed.endMs)}`,
    fromText: (text) => {
      const at = text.length - SUFFIX;
      const times = text.slice(at + 1);
      if (at < 0 || text[at] !== '\u0000' || !/^[0-9a-f]{32}$/.test(times)) {
        throw new InputError('MR_RECORD_WINDOWED_KEY', `${JSON.stringify(text)} is no key of a window`);
      }
      return {
        key: key.fromText(text.slice(0, at)),
        startMs: Number.parseInt(times.slice(0, TIME_DIGITS), 16),
        endMs: Number.parseInt(times.slice(TIME_DIGITS), 16),
      };
    },
  };
}

/** The same for windows whose rules are known. */
export function closingKey<K>(key: KeySerde<K>, window: Window): WindowedKeySerde<K> {
  return { ...windowedKey(key), closesAt: ({ endMs }) => closesAt(window, endMs) };
}

/** When an operator may forget a row that it keeps a copy of: it changes no more. Undefined where nobody can say. */
export function settledAt<K>(key: KeySerde<K> & Closing<K>): ((key: K) => number) | undefined {
  return key.isBehind === true ? undefined : key.closesAt;
}

/** `key` for rows that are made of another table's too: they change until both are closed. */
export function joinedKey<K>(
  key: KeySerde<K> & Closing<K>,
  { closesAt: otherClosesAt, isBehind }: KeySerde<K> & Closing<K>,
): KeySerde<K> & Closing<K> {
  if (key.closesAt === undefined) return key;
  const { closesAt, ...text } = key;
  return {
    ...text,
    ...(otherClosesAt !== undefined && { closesAt: (k: K) => Math.max(closesAt(k), otherClosesAt(k)) }),
    ...(isBehind && { isBehind }),
  };
}

/** `key` for rows that come through topics of their own. */
export function keyBehind<K>(key: KeySerde<K> & Closing<K>): KeySerde<K> & Closing<K> {
  return key.closesAt === undefined ? key : { ...key, isBehind: true };
}

/** `key` for rows whose last change comes up to `ms` later. */
export function delayedKey<K>(key: KeySerde<K> & Closing<K>, ms: number): KeySerde<K> & Closing<K> {
  const { closesAt } = key;
  return closesAt === undefined ? key : { ...key, closesAt: (k) => closesAt(k) + ms };
}
