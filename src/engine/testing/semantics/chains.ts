import { defineProcessor, port } from '../../topology/processor.ts';
import type { Stream } from '../../topology/stream.ts';
import type { Table } from '../../topology/table.ts';
import { hopping, session, sliding, tumbling, type Window } from '../../topology/windows/window.ts';
import type { Windowed } from '../../topology/windows/windowed-key.ts';
import { json, jsonTopic } from '../json-topic.ts';

/** A record of the one topic that all chains read: for the left or the right side of a join, with a value or a tombstone. */
export type Tagged = { readonly side: 'L' | 'R'; readonly n: number | null };
export const input = jsonTopic<Tagged>('input');
export const output = jsonTopic<string | null>('output');

type Side = Stream<string, number | null>;
/** What becomes of the records of both sides. */
export type Chain = (left: Side, right: Side) => Stream<string, string> | Stream<string, string | null>;

const value = json<number>();
const text = json<string>();
const pair = (a: number | string | null | undefined, b: number | null | undefined) =>
  `${a ?? '-'}:${b ?? '-'}`;
/** Windows take no tombstones. */
const values = (side: Side) => side as unknown as Stream<string, number>;
const tableOf = (side: Side) => side.toTable(value);

/** Windowed rows under their keys' own text, the window in the value. */
function flat(rows: Table<Windowed<string>, number>): Stream<string, string> {
  const spec = defineProcessor({
    inputs: { rows: port<Windowed<string>, number | null>() },
    outputs: { rows: port<string, string>() },
    stores: {},
    process: {
      rows: ({ key: { key, startMs, endMs }, value: count, timestamp }, { emit }) =>
        emit('rows', key, `${startMs}-${endMs}: ${count}`, timestamp),
    },
  });
  const { builder } = rows;
  return builder.process(builder.nextName('flat'), spec, { rows: rows.toStream() }).rows;
}

/** Results of windows again in windows. */
function again(rows: Table<Windowed<string>, number>, window: Window): Stream<string, string> {
  return flat(flat(rows).windowed(window).count('again', { value }));
}

const window = { beforeMs: 4, afterMs: 7, graceMs: 3 };
const sides = { value, other: value, join: pair };
const versioned = { historyMs: 6 };

const windows: Readonly<Record<string, Window>> = {
  tumbling: tumbling({ sizeMs: 10, graceMs: 3 }),
  hopping: hopping({ sizeMs: 10, advanceMs: 4, graceMs: 3 }),
  sliding: sliding({ timeDifferenceMs: 10, graceMs: 3 }),
  sessions: session({ gapMs: 5, graceMs: 3 }),
};

function* windowChains(): Generator<[string, Chain]> {
  for (const [name, of] of Object.entries(windows)) {
    const counted = (left: Side, emit: 'every-update' | 'on-close', retentionMs = 0) =>
      values(left).windowed(of).count('op', { value, emit, retentionMs });
    yield [`${name}, every update`, (left) => flat(counted(left, 'every-update', 7))];
    yield [`${name}, on close`, (left) => flat(counted(left, 'on-close'))];
    yield [`${name}, on close, retained`, (left) => flat(counted(left, 'on-close', 7))];
    yield [
      `${name}, suppressed until the close`,
      (left) =>
        flat(
          counted(left, 'every-update')
            .filter((n) => n % 2 === 0)
            .suppress('held', { until: 'window-close' }),
        ),
    ];
    yield [
      `${name}, suppressed for a time`,
      (left) => flat(counted(left, 'every-update').suppress('held', { forMs: 5 })),
    ];
    yield [`${name}, on close, in windows again`, (left) => again(counted(left, 'on-close'), of)];
  }
}

const streamJoins: Readonly<Record<string, Chain>> = {
  'inner join of streams': (l, r) => l.joinStream('op', r, { ...window, ...sides }),
  'left join of streams': (l, r) => l.leftJoinStream('op', r, { ...window, ...sides }),
  'outer join of streams': (l, r) => l.outerJoinStream('op', r, { ...window, ...sides }),
  'outer join of streams at one instant': (l, r) =>
    l.outerJoinStream('op', r, { beforeMs: 0, afterMs: 0, graceMs: 0, ...sides }),
  'outer join of streams, joined again': (l, r) =>
    l
      .outerJoinStream('op', r, { ...window, ...sides })
      .outerJoinStream('again', r, { ...window, value: text, other: value, join: pair }),
  'self join': (l) => l.selfJoin('op', { ...window, value, join: pair }),
};

const tableJoins: Readonly<Record<string, Chain>> = {
  'stream and table': (l, r) => l.join('op', tableOf(r), pair),
  'stream and versioned table': (l, r) => l.join('op', tableOf(r).versioned(versioned), pair),
  'stream and versioned table, with grace': (l, r) =>
    l.join('op', tableOf(r).versioned(versioned), pair, { graceMs: 4, value }),
  'inner join of tables': (l, r) => tableOf(l).join('op', tableOf(r), pair, { value: text }).toStream(),
  'left join of tables': (l, r) => tableOf(l).leftJoin('op', tableOf(r), pair, { value: text }).toStream(),
  'outer join of versioned tables': (l, r) =>
    tableOf(l)
      .versioned(versioned)
      .outerJoin('op', tableOf(r).versioned(versioned), pair, { value: text })
      .toStream(),
  'tables joined twice with the same one': (l, r) => {
    const other = tableOf(r);
    const once = tableOf(l).outerJoin('op', other, pair, { value: text });
    return once.leftJoin('again', other, pair, { value: text }).toStream();
  },
  'table suppressed for a time': (l) =>
    tableOf(l)
      .suppress('op', { forMs: 6 })
      .map((n) => `${n}`, text)
      .toStream(),
};

/**
 * Everything at once: a store whose entries go with time, a walk over prefixes, undeclared reads, several timers, some
 * set for a time long past, and handlers that fail behind their effects.
 */
const custom = defineProcessor({
  inputs: { left: port<string, number | null>(), right: port<string, number | null>() },
  outputs: { seen: port<string, string>() },
  stores: { brief: { value, ttlMs: 8 }, lasting: { value } },
  reads: { left: ({ key }) => ({ brief: [key], timers: [key] }), right: () => ({}) },
  process: {
    left: ({ key, value: n, timestamp }, { stores, emit, setTimer }) => {
      emit('seen', key, `left ${stores.brief.get(key) ?? '-'}`, timestamp);
      if (n === null) stores.brief.delete(key, timestamp);
      else stores.brief.put(key, n, timestamp);
      setTimer(key, timestamp + (n ?? 0));
    },
    right: ({ key, value: n, timestamp }, { stores, emit, setTimer, clearTimer }) => {
      const [brief, lasting] = [[...stores.brief.prefix(key)], [...stores.lasting.prefix('')]];
      emit('seen', key, `right ${JSON.stringify(brief)} ${JSON.stringify(lasting)}`, timestamp);
      if (n === null) return clearTimer(key);
      stores.lasting.put(`${key}${n}`, n, timestamp);
      setTimer(`${key}-other`, timestamp - n);
      if (n === 3) throw new Error('three');
    },
  },
  onTimer: (key, dueMs, { stores, emit }) => {
    emit('seen', key, `timer ${dueMs} ${stores.brief.get(key)} ${stores.lasting.get(`${key}1`)}`, dueMs);
    stores.brief.put(`${key}-fired`, 1, dueMs - 3);
    stores.lasting.delete(`${key}1`, dueMs);
    if (stores.lasting.get(`${key}2`) !== undefined) throw new Error('two');
  },
});

/** Each operator that keeps time or state, alone or behind another, in one task; the first is named `op`. */
export const chains: Readonly<Record<string, Chain>> = {
  ...Object.fromEntries(windowChains()),
  ...streamJoins,
  ...tableJoins,
  'a processor of one’s own': (left, right) => left.builder.process('op', custom, { left, right }).seen,
};

/** Whether a chain makes something of tombstones. */
export const takesTombstones = (name: string): boolean => !(name in windowKinds);
const windowKinds = Object.fromEntries(windowChains());
