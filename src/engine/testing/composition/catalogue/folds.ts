import { defineProcessor, port } from '../../../topology/processor.ts';
import type { Stream } from '../../../topology/stream.ts';
import type { Table } from '../../../topology/table.ts';
import { hopping, session, sliding, tumbling, type Window } from '../../../topology/windows/window.ts';
import type { Windowed } from '../../../topology/windows/windowed-key.ts';
import { json } from '../../json-topic.ts';
import type { Model, Row } from '../model.ts';
import { aggregateModel, reduceModel } from '../models/aggregate.ts';
import { slidingModel } from '../models/sliding.ts';
import { distinctModel, idOf, lastPerCommitModel, mapModel, statelessModel } from '../models/stateless.ts';
import { suppressModel } from '../models/suppress.ts';
import { type Emission, sessionModel, timeWindowModel } from '../models/windows.ts';
import { clip, foldOf, weightOf } from '../values.ts';
import { type Catalogue, folding, type Operator, type Rows, type Setting, text } from './operator.ts';

const combine = (state: string, value: string) => clip(`${state}.${value}`);
const passes = (value: string) => weightOf(value) % 4 !== 0;
const inWindow = (startMs: number, endMs: number, value: string | null) =>
  clip(`${startMs}-${endMs}:${value}`);

const aggregates: Catalogue = {
  aggregate: {
    declare: (main, _side, name, { removes }) => main.aggregate(name, folding(foldOf(removes))).toStream(),
    models: ({ removes }) => [aggregateModel(foldOf(removes))],
  },
  'aggregate, per commit': {
    declare: (main, _side, name, { removes }) =>
      main.aggregate(name, { ...folding(foldOf(removes)), emit: 'per-commit' }).toStream(),
    models: ({ removes }) => [aggregateModel(foldOf(removes)), lastPerCommitModel()],
    isPerCommit: true,
    mixesKeys: true,
  },
  count: {
    declare: (main, _side, name) => main.count(name, { value: json<number>() }).map(String, text).toStream(),
    models: () => [aggregateModel({ initial: () => '0', add: (count) => String(Number(count) + 1) })],
  },
  reduce: {
    declare: (main, _side, name) =>
      (main as unknown as Stream<string, string>).reduce(name, combine, { value: text }).toStream(),
    models: () => [reduceModel(combine)],
  },
  'table suppressed for a time': {
    declare: (main, _side, name, { delayMs }) =>
      main.toTable(text).suppress(name, { forMs: delayMs }).toStream(),
    models: ({ delayMs }) => [suppressModel({ forMs: delayMs })],
  },
};

/** Windowed rows under text: the record's key with the window in the value, or a key of each window. */
function flat(rows: Table<Windowed<string>, string>, name: string, byWindow: boolean): Rows {
  const spec = defineProcessor({
    inputs: { rows: port<Windowed<string>, string | null>() },
    outputs: { rows: port<string, string | null>() },
    stores: {},
    process: {
      rows: ({ key: { key, startMs, endMs }, value, timestamp }, { emit }) => {
        if (byWindow) emit('rows', `${key}@${startMs}-${endMs}`, value, timestamp);
        else emit('rows', key, inWindow(startMs, endMs, value), timestamp);
      },
    },
  });
  return rows.builder.process(name, spec, { rows: rows.toStream() }).rows;
}

const flatModel = (byWindow: boolean): Model =>
  statelessModel(({ span, ...row }: Row) => {
    if (span === undefined) return [row];
    if (byWindow) return [{ ...row, key: idOf({ ...row, span }) }];
    return [{ ...row, value: inWindow(span.startMs, span.endMs, row.value) }];
  });

/** Leaves out a row that says what the key's row said before. */
function distinct(rows: Rows, name: string): Rows {
  const spec = defineProcessor({
    inputs: { rows: port<string, string | null>() },
    outputs: { rows: port<string, string | null>() },
    stores: { said: { value: text } },
    process: {
      rows: ({ key, value, timestamp }, { stores, emit }) => {
        const says = `${value} ${timestamp}`;
        if (stores.said.get(key) === says) return;
        stores.said.put(key, says, timestamp);
        emit('rows', key, value, timestamp);
      },
    },
  });
  return rows.builder.process(name, spec, { rows }).rows;
}

/** So that few records are late for a part of their windows: what becomes of them is left open. */
const SLIDING_GRACE_MS = 9;

type Kind = {
  readonly of: (setting: Setting) => Window;
  readonly model: (setting: Setting, emission: Emission, late?: 'emits') => Model;
  /** The fold that removes rows is left to other windows: which of a removed row's records a new window holds is open. */
  readonly keepsRows?: boolean;
};

const kinds: Readonly<Record<string, Kind>> = {
  tumbling: {
    of: tumbling,
    model: ({ sizeMs, graceMs, removes }, emission, late) =>
      timeWindowModel({ sizeMs, advanceMs: sizeMs, graceMs }, foldOf(removes), emission, late),
  },
  hopping: {
    of: hopping,
    model: ({ removes, ...grid }, emission, late) => timeWindowModel(grid, foldOf(removes), emission, late),
  },
  sessions: {
    of: session,
    model: ({ removes, ...times }, emission) => sessionModel(times, foldOf(removes), emission),
  },
  sliding: {
    of: ({ sizeMs, graceMs }) => sliding({ timeDifferenceMs: sizeMs, graceMs: graceMs + SLIDING_GRACE_MS }),
    model: ({ sizeMs, graceMs }, emission) =>
      slidingModel({ differenceMs: sizeMs, graceMs: graceMs + SLIDING_GRACE_MS }, foldOf(false), emission),
    keepsRows: true,
  },
};

/** How an operator of windows emits: its table, from the windowed stream, and the models after the windows'. */
type Variant = {
  readonly emit: Emission | 'per-commit';
  readonly retains?: boolean;
  readonly after?: (rows: Table<Windowed<string>, string>, name: string, setting: Setting) => typeof rows;
  readonly models?: (setting: Setting) => readonly Model[];
};

const variants: Readonly<Record<string, Variant>> = {
  'every update': { emit: 'every-update' },
  'every update, retained': { emit: 'every-update', retains: true },
  'on close': { emit: 'on-close' },
  'on close, retained': { emit: 'on-close', retains: true },
  'per commit': { emit: 'per-commit', models: () => [lastPerCommitModel()] },
  'suppressed until the close': {
    emit: 'every-update',
    after: (rows, name) => rows.suppress(`${name}-held`, { until: 'window-close' }),
    models: () => [suppressModel('window-close')],
  },
  'filtered, suppressed until the close': {
    emit: 'every-update',
    after: (rows, name) => rows.filter(passes).suppress(`${name}-held`, { until: 'window-close' }),
    models: () => [mapModel((value) => (passes(value) ? value : null)), suppressModel('window-close')],
  },
  'suppressed for a time': {
    emit: 'every-update',
    after: (rows, name, { delayMs }) => rows.suppress(`${name}-held`, { forMs: delayMs }),
    models: ({ delayMs }) => [suppressModel({ forMs: delayMs })],
  },
};

function windows(
  { of, model, keepsRows = false }: Kind,
  { emit, retains, after, models }: Variant,
): Operator {
  // Which window of a record goes out first is left open for sliding windows, and in what a commit lets out: a key each, then.
  const isOrdered = emit === 'on-close' || (emit !== 'per-commit' && (!keepsRows || models !== undefined));
  return {
    declare: (main, _side, name, setting) => {
      const rows = main.windowed(of(setting)).aggregate(name, {
        ...folding(foldOf(setting.removes && !keepsRows)),
        emit,
        retentionMs: retains === true ? setting.historyMs : 0,
      } as never) as Table<Windowed<string>, string>;
      const kept = after === undefined ? rows : after(rows, name, setting);
      const flattened = flat(kept, `${name}-flat`, setting.byWindow || !isOrdered);
      return isOrdered ? flattened : distinct(flattened, `${name}-distinct`);
    },
    models: (setting) => [
      model(setting, emit === 'on-close' ? 'on-close' : 'every-update'),
      ...(models?.(setting) ?? []),
      flatModel(setting.byWindow || !isOrdered),
      ...(isOrdered ? [] : [distinctModel()]),
    ],
    ...(emit === 'per-commit' && { isPerCommit: true }),
    ...(!isOrdered && { mixesKeys: true }),
  };
}

const windowed = Object.entries(kinds).flatMap(([kind, of]) =>
  Object.entries(variants).map(([variant, how]): [string, Operator] => [
    `${kind}, ${variant}`,
    windows(of, how),
  ]),
);

/** Under keys of their own: in which order they come between the windows' rows is not for the models to say. */
const lateKey = (key: string) => `${key} late`;

function underLateKeys(late: Rows, name: string): Rows {
  const spec = defineProcessor({
    inputs: { rows: port<string, string | null>() },
    outputs: { rows: port<string, string | null>() },
    stores: {},
    process: {
      rows: ({ key, value, timestamp }, { emit }) => emit('rows', lateKey(key), value, timestamp),
    },
  });
  return late.builder.process(name, spec, { rows: late }).rows;
}

const lateMerged: Operator = {
  declare: (main, _side, name, setting) => {
    let late: Rows | undefined;
    const rows = main.windowed(tumbling(setting)).aggregate(name, {
      ...folding(foldOf(setting.removes)),
      late: (records: Rows) => {
        late = records;
      },
    } as never) as Table<Windowed<string>, string>;
    const flattened = flat(rows, `${name}-flat`, setting.byWindow);
    return flattened.merge(underLateKeys(late as unknown as Rows, `${name}-late`));
  },
  models: (setting) => [
    (kinds.tumbling as Kind).model(setting, 'every-update', 'emits'),
    statelessModel((row) => [row.span === undefined ? { ...row, key: lateKey(row.key) } : row]),
    flatModel(setting.byWindow),
  ],
  mixesKeys: true,
};

/** Aggregations, windows in all their ways to emit, and what suppresses. */
export const foldOperators: Catalogue = {
  ...aggregates,
  ...Object.fromEntries(windowed),
  'tumbling, with what came late': lateMerged,
};
