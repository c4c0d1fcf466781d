import { json } from '../../json-topic.ts';
import { selfJoinModel, streamJoinModel } from '../models/stream-join.ts';
import { streamTableModel, versionedJoinModel } from '../models/stream-table.ts';
import { foreignKeyModel, groupModel, tableJoinModel } from '../models/tables.ts';
import { pairOf, weightOf } from '../values.ts';
import { type Catalogue, type Rows, text } from './operator.ts';

const join = (left: string | null, right: string | null): string | null => pairOf(left, right);
const pairs = { value: text, other: text, join };
const tableOf = (rows: Rows) => rows.toTable(text);
const innerPair = (left: string, right: string | undefined) =>
  right === undefined ? undefined : pairOf(left, right);

const streams: Catalogue = {
  'inner join of streams': {
    declare: (main, side, name, setting) => main.joinStream(name, side, { ...setting, ...pairs }),
    models: (setting) => [streamJoinModel('inner', setting)],
    takesSide: true,
  },
  'left join of streams': {
    declare: (main, side, name, setting) => main.leftJoinStream(name, side, { ...setting, ...pairs }),
    models: (setting) => [streamJoinModel('left', setting)],
    takesSide: true,
  },
  'outer join of streams': {
    declare: (main, side, name, setting) => main.outerJoinStream(name, side, { ...setting, ...pairs }),
    models: (setting) => [streamJoinModel('outer', setting)],
    takesSide: true,
  },
  'self join': {
    declare: (main, _side, name, setting) => main.selfJoin(name, { ...setting, value: text, join }),
    models: (setting) => [selfJoinModel(setting)],
  },
};

const streamsAndTables: Catalogue = {
  'inner join with a table': {
    declare: (main, side, name) => main.join(name, tableOf(side), innerPair) as Rows,
    models: () => [streamTableModel('inner')],
    takesSide: true,
  },
  'left join with a table': {
    declare: (main, side, name) => main.join(name, tableOf(side), pairOf) as Rows,
    models: () => [streamTableModel('left')],
    takesSide: true,
  },
  'join with a versioned table': {
    declare: (main, side, name, { historyMs }) =>
      main.join(name, tableOf(side).versioned({ historyMs }), pairOf) as Rows,
    models: ({ historyMs }) => [versionedJoinModel('left', { historyMs })],
    takesSide: true,
  },
  'join with a versioned table, with grace': {
    declare: (main, side, name, { historyMs, graceMs }) =>
      main.join(name, tableOf(side).versioned({ historyMs: historyMs + graceMs }), pairOf, {
        graceMs,
        value: text,
      }) as Rows,
    models: ({ historyMs, graceMs }) => [
      versionedJoinModel('left', { historyMs: historyMs + graceMs, graceMs }),
    ],
    takesSide: true,
  },
};

const tables: Catalogue = {
  'inner join of tables': {
    declare: (main, side, name) =>
      tableOf(main).join(name, tableOf(side), pairOf, { value: text }).toStream(),
    models: () => [tableJoinModel('inner')],
    takesSide: true,
  },
  'left join of tables': {
    declare: (main, side, name) =>
      tableOf(main).leftJoin(name, tableOf(side), pairOf, { value: text }).toStream(),
    models: () => [tableJoinModel('left')],
    takesSide: true,
  },
  'outer join of tables': {
    declare: (main, side, name) =>
      tableOf(main).outerJoin(name, tableOf(side), pairOf, { value: text }).toStream(),
    models: () => [tableJoinModel('outer')],
    takesSide: true,
  },
  'outer join of versioned tables': {
    declare: (main, side, name, { historyMs }) =>
      tableOf(main)
        .versioned({ historyMs })
        .outerJoin(name, tableOf(side).versioned({ historyMs }), pairOf, { value: text })
        .toStream(),
    models: ({ historyMs }) => [tableJoinModel('outer', historyMs)],
    takesSide: true,
  },
};

const groupOf = (value: string) =>
  weightOf(value) % 4 === 3 ? null : ('abc'[weightOf(value) % 4] as string);
const counting = { groupOf, add: (count: number) => count + 1, subtract: (count: number) => count - 1 };
const summing = {
  groupOf,
  add: (sum: number, value: string) => sum + weightOf(value),
  subtract: (sum: number, value: string) => sum - weightOf(value),
};
/** null names nobody. */
const namedBy = (value: string) =>
  weightOf(value) % 4 === 3 ? null : ('abc'[weightOf(value) % 4] as string);

const groups: Catalogue = {
  'count of groups': {
    declare: (main, _side, name) =>
      tableOf(main)
        .groupBy(`${name}-groups`, groupOf)
        .count(name, { value: json<number>() })
        .map(String, text)
        .toStream(),
    models: () => [groupModel(counting)],
    repartitions: true,
  },
  'aggregate of groups of a versioned table': {
    declare: (main, _side, name, { historyMs }) =>
      tableOf(main)
        .versioned({ historyMs })
        .groupBy(`${name}-groups`, groupOf)
        .aggregate(name, { initial: () => 0, ...summing, value: json<number>() })
        .map(String, text)
        .toStream(),
    models: ({ historyMs }) => [groupModel({ ...summing, historyMs })],
    repartitions: true,
  },
};

const foreignKeys: Catalogue = {
  'inner join by foreign key': {
    declare: (main, side, name) =>
      tableOf(main).joinForeignKey(name, tableOf(side), namedBy, pairOf, { value: text }).toStream(),
    models: () => [foreignKeyModel('inner', namedBy)],
    takesSide: true,
    repartitions: true,
    isCertainAtTheEnd: true,
  },
  'left join by foreign key': {
    declare: (main, side, name) =>
      tableOf(main).leftJoinForeignKey(name, tableOf(side), namedBy, pairOf, { value: text }).toStream(),
    models: () => [foreignKeyModel('left', namedBy)],
    takesSide: true,
    repartitions: true,
    isCertainAtTheEnd: true,
  },
};

/** Joins of streams and tables, and groups of tables. */
export const joinOperators: Catalogue = {
  ...streams,
  ...streamsAndTables,
  ...tables,
  ...groups,
  ...foreignKeys,
};
