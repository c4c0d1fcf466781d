import { InputError } from '#platform';
import { prefixRange } from '../store/database-keys.ts';
import type { KeyRange } from '../store/port.ts';
import type { Position } from './position.ts';

/** What is asked of a store. Keys are text, as KeySerde.toText makes it; their order is that of their UTF-8 bytes. */
export type StoreQuery =
  /** One entry; of a store with windows, all windows of the key. */
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Keys from `from` up to, not including, `to`; without them, from the first and to the last. */
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string }
  /** Windows of a key that start at `fromMs` or later and before `toMs`. */
  | { readonly kind: 'window'; readonly key: string; readonly fromMs: number; readonly toMs: number };

export type QueryOptions = {
  /** 'standby': a copy that lags behind may answer, and is preferred. */
  readonly staleness?: 'none' | 'standby';
  /** The answer must have taken all that lies before: what the asker knows to have been written. */
  readonly atLeast?: Position;
  /** Entries at most; 1,000 where it is not said. */
  readonly limit?: number;
  /** `next` of the answer before. */
  readonly after?: string;
};

export const DEFAULT_LIMIT = 1_000;
export const MAX_LIMIT = 10_000;

/** Where an answer has ended: the next one begins behind this entry. */
export type Continuation = { readonly key: Buffer; readonly partition: number };

/** Behind every key: no byte of UTF-8 is that large. */
const AFTER_ALL = Buffer.from([0xff]);

/** The times that a query of a key is about. Errors: MR_QUERY_INVALID. */
export function timesOf(query: Extract<StoreQuery, { kind: 'key' | 'window' }>): {
  readonly fromMs: number;
  readonly toMs: number;
} {
  if (query.kind === 'key') return { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
  const { fromMs, toMs } = query;
  for (const ms of [fromMs, toMs]) {
    if (!Number.isSafeInteger(ms) || ms < 0) throw invalidQuery(`${ms} is not a time in ms since the epoch`);
  }
  if (fromMs > toMs) throw invalidQuery('fromMs is after toMs');
  return { fromMs, toMs };
}

/** The range of keys that a query by prefix or range means. Errors: MR_QUERY_INVALID. */
export function rangeOf(query: Extract<StoreQuery, { kind: 'prefix' | 'range' }>): KeyRange {
  if (query.kind === 'prefix') {
    const prefix = keyBytes(query.prefix);
    return prefix.length === 0 ? { gte: prefix, lt: AFTER_ALL } : prefixRange(prefix);
  }
  const { from = '', to } = query;
  const range = { gte: keyBytes(from), lt: to === undefined ? AFTER_ALL : keyBytes(to) };
  if (Buffer.compare(range.gte, range.lt) > 0) throw invalidQuery('the range ends before it begins');
  return range;
}

/** The part of a range that lies behind `after`, in the task of `partition`: entries go by key, then partition. */
export function behind(range: KeyRange, after: Continuation | undefined, partition: number): KeyRange {
  if (after === undefined) return range;
  const { key } = after;
  const gte = partition > after.partition ? key : Buffer.concat([key, Buffer.from([0])]);
  return { ...range, gte: Buffer.compare(gte, range.gte) > 0 ? gte : range.gte };
}

export function encodeContinuation({ key, partition }: Continuation): string {
  return Buffer.from(JSON.stringify([key.toString('base64url'), partition])).toString('base64url');
}

/** Errors: MR_QUERY_INVALID for what no answer has given out. */
export function decodeContinuation(token: string): Continuation {
  try {
    const [key, partition, ...rest] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if (typeof key === 'string' && Number.isSafeInteger(partition) && rest.length === 0)
      return { key: Buffer.from(key, 'base64url'), partition: Number(partition) };
  } catch {}
  throw invalidQuery('the continuation does not come from an answer');
}

/** A key's bytes. Text that is no Unicode would become the key of another. */
export function keyBytes(key: string): Buffer {
  if (!key.isWellFormed()) throw invalidQuery('a key is not well-formed Unicode');
  return Buffer.from(key);
}

export function invalidQuery(message: string): InputError {
  return new InputError('MR_QUERY_INVALID', message, {
    hint: 'query by key, by prefix, by from and to, or by key with fromMs and toMs',
  });
}
