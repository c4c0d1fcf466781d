import { InputError } from '#platform';
import { checkedKey, shown } from '../../operators/record-checks.ts';
import { formatAround, type KeySerde, type Serde } from '../../serde.ts';
import { dueSerde } from '../../store/timer-queue.ts';
import { defineProcessor, port } from '../processor.ts';
import type { Table } from '../table.ts';
import { copyOf } from './copy-of.ts';
import { timestampedRow } from './table-table.ts';

/**
 * The join of two tables by a foreign key, after Kafka Streams (KIP-213). The left side subscribes each of its rows
 * at the right row that it names, through a topic keyed by the foreign key; the right side answers, now and with every
 * change of its row, through a topic keyed by the left key; an answer counts while the left row still names that key.
 */
export type ForeignKeyOf<K, V> = (value: V, key: K) => string | null;

/** `foreignKeyOf`, which fails with MR_RECORD_KEY where what it returns is neither text nor null. */
export function checkedForeignKey<K, V>(
  operator: string,
  foreignKeyOf: ForeignKeyOf<K, V>,
): ForeignKeyOf<K, V> {
  return (row, key) => {
    const named: unknown = foreignKeyOf(row, key);
    if (named === null || typeof named === 'string') return named;
    const message = `${operator}: the foreign key ${shown(named)} of the row ${shown(key)} is no text`;
    throw new InputError('MR_RECORD_KEY', message, { hint: 'return the text of the key, or null for none' });
  };
}

/** What the left side tells the right one about one of its rows. */
export type Subscription = {
  /** 'replace' where the row named a key before, so that there is a result to be replaced. */
  readonly kind: 'begin' | 'replace' | 'end';
  readonly left: string;
};

/** A right row, or null where there is none, for a left row that named `foreignKey`. */
export type Answer<V> = { readonly foreignKey: string; readonly right: V | null };

const KINDS = ['begin', 'replace', 'end'] as const;

/** A byte for the kind, then the left key. */
export const subscriptionSerde: Serde<Subscription> = {
  encode: ({ kind, left }) => Buffer.concat([Buffer.from([KINDS.indexOf(kind)]), Buffer.from(left)]),
  decode: (bytes) => ({
    kind: KINDS[bytes.readUInt8(0)] as Subscription['kind'],
    left: bytes.toString('utf8', 1),
  }),
  prepare: async () => {},
  fingerprint: Buffer.from('foreign-key-subscription-1'),
  framing: 0,
};

const LENGTH_BYTES = 4;

/** Length of the foreign key, the key, then the right row as its own serde writes it, or nothing. */
export function answerSerde<V>(right: Serde<V>): Serde<Answer<V>> {
  const rowAt = (bytes: Buffer) => LENGTH_BYTES + bytes.readUInt32BE(0) + 1;
  return {
    encode: ({ foreignKey, right: row }) => {
      const key = Buffer.from(foreignKey);
      const length = Buffer.allocUnsafe(LENGTH_BYTES);
      length.writeUInt32BE(key.length);
      return Buffer.concat([
        length,
        key,
        Buffer.from([row === null ? 0 : 1]),
        row === null ? Buffer.alloc(0) : right.encode(row),
      ]);
    },
    decode: (bytes) => {
      const at = rowAt(bytes);
      return {
        foreignKey: bytes.toString('utf8', LENGTH_BYTES, at - 1),
        right: bytes.readUInt8(at - 1) === 0 ? null : right.decode(bytes.subarray(at)),
      };
    },
    prepare: (bytes) => right.prepare(bytes.subarray(rowAt(bytes))),
    fingerprint: Buffer.concat([Buffer.from('foreign-key-answer-1:'), right.fingerprint]),
    ...formatAround('foreign-key-answer-1', right),
    framing: 0,
  };
}

/** A store's text values. */
const textSerde: Serde<string> = {
  encode: (text) => Buffer.from(text),
  decode: (bytes) => bytes.toString(),
  prepare: async () => {},
  fingerprint: Buffer.from('text-1'),
  framing: 0,
};

/**
 * Keeps the foreign key of each left row, and tells the right side of every change. A row whose key can't be told names
 * none, and goes to the output `refused` with the error.
 */
export function subscribeSpec<K, L>(key: KeySerde<K>, foreignKeyOf: ForeignKeyOf<K, L>) {
  return defineProcessor({
    inputs: { left: port<K, L | null>() },
    outputs: { subscriptions: port<string, Subscription>(), refused: port<K, unknown>() },
    stores: { named: { value: textSerde } },
    reads: { left: ({ key: k }) => ({ named: k === null ? [] : [key.toText(k)] }) },
    process: {
      left: ({ key: k, value, timestamp }, { stores, emit, drop }) => {
        if (k === null) return drop('null-key');
        const left = key.toText(k);
        const before = stores.named.get(left);
        let now: string | null = null;
        try {
          if (value !== null) now = foreignKeyOf(value, k);
        } catch (error) {
          emit('refused', k, error, timestamp);
        }
        if (before !== undefined && before !== now) {
          emit('subscriptions', before, { kind: 'end', left }, timestamp);
        }
        if (now !== null) {
          stores.named.put(left, now, timestamp);
          emit('subscriptions', now, { kind: before === undefined ? 'begin' : 'replace', left }, timestamp);
        } else if (before !== undefined) stores.named.delete(left, timestamp);
      },
    },
  });
}

/** All subscriptions of one foreign key begin with this; the length in front keeps keys apart that begin alike. */
const subscribersOf = (foreignKey: string) => `${foreignKey.length}\u0000${foreignKey}\u0000`;

/** Keeps the right rows and who has subscribed to them, and answers. */
export function answerSpec<K2, R>(name: string, right: Table<K2, R>, type: 'inner' | 'left') {
  const rightKey = checkedKey(right.key, name);
  return defineProcessor({
    inputs: { right: port<K2, R | null>(), subscriptions: port<string, Subscription>() },
    outputs: { answers: port<string, Answer<R>>() },
    stores: { rows: { value: timestampedRow(right.value) }, subscribers: { value: dueSerde } },
    reads: {
      right: ({ key }) => {
        if (key === null) return {};
        const foreignKey = rightKey.toText(key);
        return { rows: [foreignKey], subscribers: [{ prefix: subscribersOf(foreignKey) }] };
      },
      subscriptions: ({ key, value }) => ({ rows: [key], subscribers: [subscribersOf(key) + value.left] }),
    },
    process: {
      right: ({ key, value, timestamp }, { stores, emit, drop }) => {
        if (key === null) return drop('null-key');
        const foreignKey = rightKey.toText(key);
        if (value !== null) stores.rows.put(foreignKey, { timestamp, value }, timestamp);
        else if (stores.rows.get(foreignKey) === undefined) return;
        else stores.rows.delete(foreignKey, timestamp);
        const prefix = subscribersOf(foreignKey);
        for (const [subscriber, since] of stores.subscribers.prefix(prefix)) {
          const left = subscriber.slice(prefix.length);
          emit('answers', left, { foreignKey, right: value }, Math.max(timestamp, since));
        }
      },
      subscriptions: ({ key: foreignKey, value: { kind, left }, timestamp }, { stores, emit }) => {
        const subscriber = subscribersOf(foreignKey) + left;
        if (kind === 'end') return stores.subscribers.delete(subscriber, timestamp);
        stores.subscribers.put(subscriber, timestamp, timestamp);
        const row = stores.rows.get(foreignKey);
        if (row === undefined && kind === 'begin' && type === 'inner') return;
        const answer = { foreignKey, right: row?.value ?? null };
        emit('answers', left, answer, Math.max(timestamp, row?.timestamp ?? timestamp));
      },
    },
  });
}

/**
 * Keeps the left rows, and joins them with the answers that still concern them. It takes every row, as one that is
 * restored from the table's topic does: `refused` carries the error of one that can't be joined.
 */
export function resultSpec<K, L, R, J>(
  name: string,
  left: Table<K, L>,
  foreignKeyOf: ForeignKeyOf<K, L>,
  type: 'inner' | 'left',
  join: (left: L, right: R | null) => J,
) {
  const key = checkedKey(left.key, name);
  /** What a row names; undefined where it has been refused. */
  const named = (row: L, k: K): string | null | undefined => {
    try {
      return foreignKeyOf(row, k);
    } catch {
      return undefined;
    }
  };
  return defineProcessor({
    inputs: { left: port<K, L | null>(), answers: port<string, Answer<R>>() },
    outputs: { joined: port<K, J | null>(), refused: port<K, unknown>() },
    stores: { rows: copyOf(left) },
    reads: {
      left: ({ key: k }) => ({ rows: k === null ? [] : [key.toText(k)] }),
      answers: (record) => ({ rows: [record.key] }),
    },
    process: {
      left: ({ key: k, value, timestamp }, { stores, emit, drop }) => {
        if (k === null) return drop('null-key');
        const text = key.toText(k);
        const before = stores.rows.get(text);
        if (value !== null) stores.rows.put(text, value, timestamp);
        else if (before !== undefined) stores.rows.delete(text, timestamp);
        const names = value === null ? undefined : named(value, k);
        if (typeof names === 'string') return;
        // Nobody will answer: the right side has no part in this row.
        if (value !== null && names === null && type === 'left') {
          try {
            emit('joined', k, join(value, null), timestamp);
          } catch (error) {
            emit('refused', k, error, timestamp);
          }
          return;
        }
        const namedBefore = before === undefined ? undefined : named(before, k);
        if (typeof namedBefore === 'string' || (type === 'left' && namedBefore === null)) {
          emit('joined', k, null, timestamp);
        }
      },
      answers: ({ key: text, value: { foreignKey, right }, timestamp }, { stores, emit, drop }) => {
        const k = key.fromText(text);
        const row = stores.rows.get(text);
        if (row === undefined || named(row, k) !== foreignKey) return drop('superseded');
        emit('joined', k, right === null && type === 'inner' ? null : join(row, right), timestamp);
      },
    },
  });
}
