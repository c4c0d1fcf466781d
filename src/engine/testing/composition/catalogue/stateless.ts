import { defineProcessor, port } from '../../../topology/processor.ts';
import { json } from '../../json-topic.ts';
import { byRankModel, lastPerCommitModel, mapModel, statelessModel } from '../models/stateless.ts';
import { timerModel } from '../models/timers.ts';
import { clip, weightOf } from '../values.ts';
import { type Catalogue, type Rows, text } from './operator.ts';

const marked = (value: string) => clip(`${value}'`);
const doubled = (value: string) => [value, clip(`${value}"`)].slice(0, weightOf(value) % 3);
const passes = (value: string | null) => value === null || weightOf(value) % 4 !== 0;
const branchOf = (value: string | null) => (value === null ? 0 : weightOf(value) % 3);
const newKeyOf = (value: string | null, key: string) =>
  value === null ? key : ('abc'[weightOf(value) % 3] as string);
const joined = (a: string, b: string) => clip(`${a}&${b}`);

type Collected = { readonly values: string; readonly firstMs: number };

/** Collects a key's values until nothing has come for a time. */
function collecting(rows: Rows, name: string, delayMs: number, at: 'due' | 'first'): Rows {
  const spec = defineProcessor({
    inputs: { rows: port<string, string | null>() },
    outputs: { collected: port<string, string | null>() },
    stores: { collected: { value: json<Collected>() } },
    process: {
      rows: ({ key, value, timestamp }, { stores, setTimer, clearTimer }) => {
        if (value === null) {
          stores.collected.delete(key, timestamp);
          return clearTimer(key);
        }
        const before = stores.collected.get(key);
        const values = before === undefined ? value : joined(before.values, value);
        const firstMs = before?.firstMs ?? timestamp;
        stores.collected.put(key, { values, firstMs }, timestamp);
        if (at === 'due') setTimer(key, timestamp + delayMs);
        else setTimer(key, timestamp + delayMs, firstMs);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      const { values, firstMs } = stores.collected.get(key) as Collected;
      stores.collected.delete(key, dueMs);
      emit('collected', key, values, at === 'due' ? dueMs : firstMs);
    },
  });
  return rows.builder.process(name, spec, { rows }).collected;
}

const branchesModel = statelessModel((row) => {
  if (row.value === null || branchOf(row.value) === 0) return [row];
  return branchOf(row.value) === 1 ? [{ ...row, value: marked(row.value) }] : [];
});

/** Operators without time or state, and processors of one's own. */
export const statelessOperators: Catalogue = {
  map: {
    declare: (main) => main.map((value) => (value === null ? null : marked(value))),
    models: () => [mapModel(marked)],
  },
  filter: {
    declare: (main) => main.filter(passes),
    models: () => [statelessModel((row) => (passes(row.value) ? [row] : []))],
  },
  'flat map': {
    declare: (main) => main.flatMap((value) => (value === null ? [null] : doubled(value))),
    models: () => [
      statelessModel((row) =>
        row.value === null ? [row] : doubled(row.value).map((value) => ({ ...row, value })),
      ),
    ],
  },
  'branch and merge': {
    declare: (main) => {
      const { first, second } = main.branch({
        first: (value) => branchOf(value) === 0,
        second: (value) => branchOf(value) === 1,
      });
      return second.map((value) => (value === null ? null : marked(value))).merge(first);
    },
    models: () => [branchesModel],
    // The second branch is the first input of the merge.
    modelsInOneTask: () => [byRankModel(({ value }) => (branchOf(value) === 1 ? 0 : 1)), branchesModel],
  },
  'another key': {
    declare: (main, _side, name) => main.keyBy(`${name}-keys`, newKeyOf, { value: text as never }),
    models: () => [statelessModel((row) => [{ ...row, key: newKeyOf(row.value, row.key) }])],
    repartitions: true,
  },
  'table filtered and mapped': {
    declare: (main) => main.toTable(text).filter(passes).map(marked, text).toStream(),
    models: () => [mapModel((value) => (passes(value) ? marked(value) : null))],
  },
  'last per commit': {
    declare: (main) => main.lastPerCommit(),
    models: () => [lastPerCommitModel()],
    isPerCommit: true,
    mixesKeys: true,
  },
  timer: {
    declare: (main, _side, name, { delayMs }) => collecting(main, name, delayMs, 'due'),
    models: ({ delayMs }) => [timerModel(delayMs, 'due', joined)],
  },
  'timer that holds the watermark': {
    declare: (main, _side, name, { delayMs }) => collecting(main, name, delayMs, 'first'),
    models: ({ delayMs }) => [timerModel(delayMs, 'first', joined)],
  },
};
