import {
  type Code,
  doWhile,
  f32x4FromIntegers,
  f32x4Splat,
  i16x8LoadBytes,
  i32ShiftLeft,
  i32x4SignBits,
  v128Load,
  v128LoadSplat,
  v128Zero,
  type WasmFunction,
} from '../assembler.ts';
import {
  advance,
  atLeast,
  difference,
  either,
  Frame,
  integer,
  integersPlus,
  pairProducts,
  plus,
  times,
} from './expressions.ts';
import { BLOCK_ROWS } from './port.ts';

/**
 * `screen` of the port. A pair of the query's numbers is loaded once and multiplied with the same pair of all 32 rows, which
 * lie in one cache line; a sum in each lane belongs to one row, so that nothing needs to be added across lanes.
 */
export function screenFunction(): WasmFunction {
  const frame = new Frame();
  const [query, block, pairs] = [frame.parameter('i32'), frame.parameter('i32'), frame.parameter('i32')];
  const [scale, slack, threshold] = [frame.parameter('f32'), frame.parameter('f32'), frame.parameter('f32')];
  const pair = frame.local('v128');
  const fourRows = [...frame.locals4('v128'), ...frame.locals4('v128')];

  const onePair: Code = [
    ...pair.set([...query.get, ...v128LoadSplat(0)]),
    ...fourRows.flatMap((sums, group) => {
      const codes = [...block.get, ...i16x8LoadBytes(group * 8)];
      return sums.set(integersPlus(sums.get, pairProducts(codes, pair.get)));
    }),
    ...advance(query, 4),
    ...advance(block, 2 * BLOCK_ROWS),
    ...pairs.set(difference(pairs.get, integer(1))),
  ];

  const splat = (float: Code): Code => [...float, ...f32x4Splat];
  // The block's pointer has arrived at the floats after the codes.
  const floats = (array: number, group: number): Code => [
    ...block.get,
    ...v128Load((array * BLOCK_ROWS + group * 4) * 4),
  ];
  const mayEnter = (group: number): Code => {
    const products = [...(fourRows[group]?.get ?? []), ...f32x4FromIntegers];
    const estimate = times(times(products, splat(scale.get)), floats(0, group));
    const bound = plus(plus(estimate, times(splat(slack.get), floats(1, group))), floats(2, group));
    return [
      ...atLeast(bound, splat(threshold.get)),
      ...i32x4SignBits,
      ...integer(group * 4),
      ...i32ShiftLeft,
    ];
  };
  const body: Code = [
    ...fourRows.flatMap((sums) => sums.set(v128Zero)),
    ...doWhile(onePair, pairs.get),
    ...fourRows.map((_, group) => mayEnter(group)).reduce(either),
  ];
  return { name: 'screen', ...frame, result: 'i32', body };
}
