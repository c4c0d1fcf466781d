import {
  type Code,
  doWhile,
  f32Add,
  f32Store,
  f32x4Lane,
  i32LessUnsigned,
  i32Load,
  v128Load,
  v128Zero,
  type WasmFunction,
} from '../assembler.ts';
import type { Metric } from '../port.ts';
import {
  advance,
  difference,
  Frame,
  integer,
  minus,
  plus,
  sum,
  times,
  type Variable,
} from './expressions.ts';
import { ROWS_AT_ONCE } from './port.ts';

/** `scoresAt` of the port: four rows at a time, so that their additions do not wait for each other. */
export function scoresFunction(metric: Metric): WasmFunction {
  const frame = new Frame();
  const [query, addresses, count, stride, out] = [
    frame.parameter('i32'),
    frame.parameter('i32'),
    frame.parameter('i32'),
    frame.parameter('i32'),
    frame.parameter('i32'),
  ];
  const [cursor, end] = [frame.local('i32'), frame.local('i32')];
  const rows = frame.locals4('i32');
  const sums = frame.locals4('v128');
  const gap = frame.local('v128');

  const load = (pointer: Variable, offset: number): Code => [...pointer.get, ...v128Load(offset)];
  const addProduct = (row: Variable, total: Variable, offset: number): Code =>
    total.set(plus(total.get, times(load(cursor, offset), load(row, offset))));
  // Subtracted from 0, so that a distance of 0 is not -0.
  const subtractSquare = (row: Variable, total: Variable, offset: number): Code => [
    ...gap.set(minus(load(cursor, offset), load(row, offset))),
    ...total.set(minus(total.get, times(gap.get, gap.get))),
  ];
  const step = metric === 'inner-product' ? addProduct : subtractSquare;
  const eachRow = (code: (row: Variable, total: Variable, i: number) => Code): Code =>
    rows.flatMap((row, i) => [...code(row, sums[i] as Variable, i)]);

  const eightFloats: Code = [
    ...eachRow((row, total) => step(row, total, 0)),
    ...eachRow((row, total) => step(row, total, 16)),
    ...advance(cursor, 32),
    ...rows.flatMap((row) => advance(row, 32)),
  ];
  const lane = (total: Variable, n: number): Code => [...total.get, ...f32x4Lane(n)];
  const add = (a: Code, b: Code): Code => [...a, ...b, ...f32Add];
  const fourRows: Code = [
    ...eachRow((row, total, i) => [
      ...row.set([...addresses.get, ...i32Load(i * 4)]),
      ...total.set(v128Zero),
    ]),
    ...cursor.set(query.get),
    ...doWhile(eightFloats, [...cursor.get, ...end.get, ...i32LessUnsigned]),
    ...eachRow((_, total, i) => [
      ...out.get,
      ...add(add(lane(total, 0), lane(total, 1)), add(lane(total, 2), lane(total, 3))),
      ...f32Store(i * 4),
    ]),
    ...advance(addresses, 4 * ROWS_AT_ONCE),
    ...advance(out, 4 * ROWS_AT_ONCE),
    ...count.set(difference(count.get, integer(ROWS_AT_ONCE))),
  ];
  const body: Code = [...end.set(sum(query.get, stride.get)), ...doWhile(fourRows, count.get)];
  return { name: 'scoresAt', ...frame, body };
}
