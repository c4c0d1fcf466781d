import { InputError } from '#platform';
import { checkedKey, shown } from '../../operators/record-checks.ts';
import { formatAround, type KeySerde, type Serde } from '../../serde.ts';
import { dueSerde } from '../../store/timer-queue.ts';
import {
  defineProcessor,
  type Port,
  type Ports,
  type ProcessorContext,
  port,
  type StoreSpec,
} from '../processor.ts';
import type { Table } from '../table.ts';
import { settledAt } from '../windows/windowed-key.ts';
import { copyOf } from './copy-of.ts';
import { timestampedRow } from './table-table.ts';

/**
 * The join of two tables by a foreign key, after Kafka Streams (KIP-213). The left side subscribes each of its rows
 * at the right row that it names, through a topic keyed by the foreign key; the right side answers, now and with every
 * change of its row, through a topic keyed by the left key; an answer counts while the left row still names that key.
 *
 * A left row whose window has closed takes leave of the right side the same way, and is forgotten when that has answered:
 * no answer is under way then. A right row whose window has closed is forgotten at once.
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
    const message = `${operator}: the foreign key ${shown(named)} of the row ${shown(key)} is not a string`;
    throw new InputError('MR_RECORD_KEY', message, { hint: 'return the key as a string, or null for none' });
  };
}

/** What the left side tells the right one about one of its rows. */
export type Subscription = {
  /**
   * 'replace' where the row named a key before, so that there is a result to be replaced; 'close' where it changes no more,
   * and wants to know when it has had its last answer.
   */
  readonly kind: 'begin' | 'replace' | 'end' | 'close';
  readonly left: string;
};

/** A right row, or null where there is none, for a left row that named `foreignKey`. */
export type Answer<V> = {
  readonly foreignKey: string;
  readonly right: V | null;
  /** It carries no row, and none follows: the left row has closed. */
  readonly isLast?: true;
};

const KINDS = ['begin', 'replace', 'end', 'close'] as const;

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
const ABSENT = 0;
const PRESENT = 1;
const LAST = 2;

/** Length of the foreign key, the key, a byte for the kind, then the right row as its own serde writes it, or nothing. */
export function answerSerde<V>(right: Serde<V>): Serde<Answer<V>> {
  const rowAt = (bytes: Buffer) => LENGTH_BYTES + bytes.readUInt32BE(0) + 1;
  return {
    encode: ({ foreignKey, right: row, isLast }) => {
      const key = Buffer.from(foreignKey);
      const length = Buffer.allocUnsafe(LENGTH_BYTES);
      length.writeUInt32BE(key.length);
      return Buffer.concat([
        length,
        key,
        Buffer.from([isLast ? LAST : row === null ? ABSENT : PRESENT]),
        row === null ? Buffer.alloc(0) : right.encode(row),
      ]);
    },
    decode: (bytes) => {
      const at = rowAt(bytes);
      return {
        foreignKey: bytes.toString('utf8', LENGTH_BYTES, at - 1),
        right: bytes.readUInt8(at - 1) === PRESENT ? right.decode(bytes.subarray(at)) : null,
        ...(bytes.readUInt8(at - 1) === LAST && { isLast: true }),
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

type Leaving = ProcessorContext<Ports, { readonly named: StoreSpec<string> }>;

/**
 * Keeps the foreign key of each left row, and tells the right side of every change. A row whose key can't be told names
 * none, and goes to the output `refused` with the error.
 */
export function subscribeSpec<K, L>(key: KeySerde<K>, foreignKeyOf: ForeignKeyOf<K, L>) {
  const settled = settledAt(key);
  return defineProcessor({
    inputs: { left: port<K, L | null>() },
    outputs: { subscriptions: port<string, Subscription>(), refused: port<K, unknown>() },
    stores: { named: { value: textSerde } },
    reads: {
      left: ({ key: k }) => {
        const own = k === null ? [] : [key.toText(k)];
        return { named: own, timers: settled === undefined ? [] : own };
      },
    },
    process: {
      left: ({ key: k, value, timestamp }, { stores, emit, setTimer, drop }) => {
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
          if (settled !== undefined) setTimer(left, settled(k));
        } else if (before !== undefined) stores.named.delete(left, timestamp);
      },
    },
    ...(settled !== undefined && {
      onTimer: (left: string, dueMs: number, { stores, emit }: Leaving) => {
        const named = stores.named.get(left);
        if (named === undefined) return;
        emit('subscriptions', named, { kind: 'close', left }, dueMs);
        stores.named.delete(left, dueMs);
      },
    }),
  });
}

/** All subscriptions of one foreign key begin with this; the length in front keeps keys apart that begin alike. */
const subscribersOf = (foreignKey: string) => `${foreignKey.length}\u0000${foreignKey}\u0000`;

type Closed = ProcessorContext<Ports, { readonly rows: StoreSpec<unknown> }>;

/** Keeps the right rows and who has subscribed to them, and answers. */
export function answerSpec<K2, R>(name: string, right: Table<K2, R>, type: 'inner' | 'left') {
  const rightKey = checkedKey(right.key, name);
  const settled = right.topic === undefined ? settledAt(right.key) : undefined;
  return defineProcessor({
    inputs: { right: port<K2, R | null>(), subscriptions: port<string, Subscription>() },
    outputs: { answers: port<string, Answer<R>>() },
    stores: { rows: { value: timestampedRow(right.value) }, subscribers: { value: dueSerde } },
    reads: {
      right: ({ key }) => {
        if (key === null) return {};
        const foreignKey = rightKey.toText(key);
        return {
          rows: [foreignKey],
          subscribers: [{ prefix: subscribersOf(foreignKey) }],
          timers: settled === undefined ? [] : [foreignKey],
        };
      },
      subscriptions: ({ key, value }) => ({
        rows: [key],
        subscribers: [subscribersOf(key) + value.left],
        timers: [],
      }),
    },
    process: {
      right: ({ key, value, timestamp }, { stores, emit, setTimer, drop }) => {
        if (key === null) return drop('null-key');
        const foreignKey = rightKey.toText(key);
        if (value !== null) stores.rows.put(foreignKey, { timestamp, value }, timestamp);
        else if (stores.rows.get(foreignKey) === undefined) return;
        else stores.rows.delete(foreignKey, timestamp);
        if (value !== null && settled !== undefined) setTimer(foreignKey, settled(key));
        const prefix = subscribersOf(foreignKey);
        for (const [subscriber, since] of stores.subscribers.prefix(prefix)) {
          const left = subscriber.slice(prefix.length);
          emit('answers', left, { foreignKey, right: value }, Math.max(timestamp, since));
        }
      },
      subscriptions: ({ key: foreignKey, value: { kind, left }, timestamp }, { stores, emit }) => {
        const subscriber = subscribersOf(foreignKey) + left;
        if (kind === 'end' || kind === 'close') {
          stores.subscribers.delete(subscriber, timestamp);
          if (kind === 'close') emit('answers', left, { foreignKey, right: null, isLast: true }, timestamp);
          return;
        }
        stores.subscribers.put(subscriber, timestamp, timestamp);
        const row = stores.rows.get(foreignKey);
        if (row === undefined && kind === 'begin' && type === 'inner') return;
        const answer = { foreignKey, right: row?.value ?? null };
        emit('answers', left, answer, Math.max(timestamp, row?.timestamp ?? timestamp));
      },
    },
    ...(settled !== undefined && {
      onTimer: (foreignKey: string, dueMs: number, { stores }: Closed) =>
        stores.rows.delete(foreignKey, dueMs),
    }),
  });
}

type ResultStores<L> = {
  readonly rows: StoreSpec<L>;
  /** The timestamps of the results that are out. */
  readonly sent: StoreSpec<number>;
};

/**
 * Keeps the left rows, and joins them with the answers that still concern them. It takes every row, as one that is
 * restored from the table's topic does: `refused` carries the error of one that can't be joined. Answers come in no order
 * of time: a result, or its tombstone, is never older than the one that it replaces.
 */
export function resultSpec<K, L, R, J>(
  name: string,
  left: Table<K, L>,
  foreignKeyOf: ForeignKeyOf<K, L>,
  type: 'inner' | 'left',
  join: (left: L, right: R | null) => J,
) {
  type Outputs = { joined: Port<K, J | null>; refused: Port<K, unknown> };
  type Context = ProcessorContext<Outputs, ResultStores<L>>;
  const key = checkedKey(left.key, name);
  const settled = left.topic === undefined ? settledAt(left.key) : undefined;
  /** What a row names; undefined where it has been refused. */
  const named = (row: L, k: K): string | null | undefined => {
    try {
      return foreignKeyOf(row, k);
    } catch {
      return undefined;
    }
  };
  const send = (k: K, text: string, value: J | null, timestamp: number, { stores, emit }: Context) => {
    const last = stores.sent.get(text);
    const newest = Math.max(timestamp, last ?? timestamp);
    if (value !== null) stores.sent.put(text, newest, newest);
    else if (last !== undefined) stores.sent.delete(text, newest);
    emit('joined', k, value, newest);
  };
  const forget = (text: string, timestamp: number, { stores }: Context) => {
    stores.rows.delete(text, timestamp);
    stores.sent.delete(text, timestamp);
  };
  return defineProcessor<
    { left: Port<K, L | null>; answers: Port<string, Answer<R>> },
    Outputs,
    ResultStores<L>
  >({
    inputs: { left: port(), answers: port() },
    outputs: { joined: port(), refused: port() },
    stores: { rows: copyOf(left), sent: { value: dueSerde } },
    reads: {
      left: ({ key: k }) => {
        const own = k === null ? [] : [key.toText(k)];
        return { rows: own, sent: own, timers: settled === undefined ? [] : own };
      },
      answers: (record) => ({ rows: [record.key], sent: [record.key], timers: [] }),
    },
    process: {
      left: ({ key: k, value, timestamp }, context) => {
        const { stores, emit, setTimer, clearTimer, drop } = context;
        if (k === null) return drop('null-key');
        const text = key.toText(k);
        const before = stores.rows.get(text);
        if (value !== null) stores.rows.put(text, value, timestamp);
        else if (before !== undefined) stores.rows.delete(text, timestamp);
        const names = value === null ? undefined : named(value, k);
        // A row that names a key is forgotten with its last answer.
        if (settled !== undefined && value !== null && typeof names !== 'string') setTimer(text, settled(k));
        else if (settled !== undefined) clearTimer(text);
        if (typeof names === 'string') return;
        // Nobody will answer: the right side has no part in this row.
        if (value !== null && names === null && type === 'left') {
          try {
            send(k, text, join(value, null), timestamp, context);
          } catch (error) {
            emit('refused', k, error, timestamp);
          }
          return;
        }
        const namedBefore = before === undefined ? undefined : named(before, k);
        if (typeof namedBefore === 'string' || (type === 'left' && namedBefore === null)) {
          send(k, text, null, timestamp, context);
        }
      },
      answers: ({ key: text, value: { foreignKey, right, isLast }, timestamp }, context) => {
        const k = key.fromText(text);
        const row = context.stores.rows.get(text);
        const isItsOwn = row !== undefined && named(row, k) === foreignKey;
        if (isLast && isItsOwn) forget(text, timestamp, context);
        if (isLast) return;
        if (!isItsOwn) return context.drop('superseded');
        const joined = right === null && type === 'inner' ? null : join(row, right);
        send(k, text, joined, timestamp, context);
      },
    },
    ...(settled !== undefined && { onTimer: forget }),
  });
}
