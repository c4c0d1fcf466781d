import { InputError } from '#platform';
import type { KeySerde } from '../../serde.ts';
import { closesAt, lengthOf, type Window } from './window.ts';

/** A key within a window. `endMs` is exclusive for tumbling and hopping windows, inclusive for the others. */
export type Windowed<K> = { readonly key: K; readonly startMs: number; readonly endMs: number };

/** What a key may say of its row's window; undefined where it has none. */
type Closing<K> = {
  /** The watermark from which on the row changes no more. */
  readonly closesAt?: (key: K) => number;
  /** How long after that records of other streams may still ask for it. */
  readonly askedForMs?: number;
};

/** A key's text that says when its row is final. */
export type WindowedKeySerde<K> = KeySerde<Windowed<K>> & Required<Closing<Windowed<K>>>;

const TIME_DIGITS = 16;
const SUFFIX = 1 + 2 * TIME_DIGITS;
const MAX_CACHED = 4096;
const cached = new Map<number, string>();

/** A time as 16 hexadecimal digits: the order of texts is that of times. */
function timeText(ms: number): string {
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
        throw new InputError('MR_RECORD_WINDOWED_KEY', `${JSON.stringify(text)} is not a window's key`);
      }
      return {
        key: key.fromText(text.slice(0, at)),
        startMs: Number.parseInt(times.slice(0, TIME_DIGITS), 16),
        endMs: Number.parseInt(times.slice(TIME_DIGITS), 16),
      };
    },
  };
}

/** The same for windows whose rules are known, with rows that can be queried for at least `retentionMs` after closing. */
export function closingKey<K>(key: KeySerde<K>, window: Window, retentionMs: number): WindowedKeySerde<K> {
  return {
    ...windowedKey(key),
    closesAt: ({ endMs }) => closesAt(window, endMs),
    askedForMs: Math.max(retentionMs, lengthOf(window)),
  };
}

/** When an operator may forget a row that it keeps a copy of: it changes no more. Undefined where nobody can say. */
export function settledAt<K>(key: KeySerde<K> & Closing<K>): ((key: K) => number) | undefined {
  return key.closesAt;
}

/** When an operator whose records ask for rows may forget one. Undefined where nobody can say. */
export function forgottenAt<K>({
  closesAt,
  askedForMs = 0,
}: KeySerde<K> & Closing<K>): ((key: K) => number) | undefined {
  return closesAt && ((key) => closesAt(key) + askedForMs);
}

/** `key` for rows that are made of another table's too: they change until both are closed. */
export function joinedKey<K>(
  key: KeySerde<K> & Closing<K>,
  { closesAt: otherClosesAt, askedForMs: otherAskedForMs = 0 }: KeySerde<K> & Closing<K>,
): KeySerde<K> & Closing<K> {
  if (key.closesAt === undefined) return key;
  const { closesAt, askedForMs = 0, ...text } = key;
  if (otherClosesAt === undefined) return text;
  return {
    ...text,
    closesAt: (k) => Math.max(closesAt(k), otherClosesAt(k)),
    askedForMs: Math.max(askedForMs, otherAskedForMs),
  };
}

/** `key` for rows whose last change comes up to `ms` later. */
export function delayedKey<K>(key: KeySerde<K> & Closing<K>, ms: number): KeySerde<K> & Closing<K> {
  const { closesAt } = key;
  return closesAt === undefined ? key : { ...key, closesAt: (k) => closesAt(k) + ms };
}
