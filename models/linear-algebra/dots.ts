import {
  assembleModule,
  type Code,
  doWhile,
  f32Add,
  f32Store,
  f32x4Add,
  f32x4Lane,
  f32x4Mul,
  getLocal,
  i32Add,
  i32Const,
  i32LessUnsigned,
  i32Sub,
  setLocal,
  v128Load,
  v128Zero,
} from '../index/assembler.ts';

/** Rows that the kernel takes at a time, and floats that it takes of each: counts are padded to multiples. */
export const ROWS_AT_ONCE = 4;
export const LANES = 8;

export type DotsKernel = {
  readonly memory: WebAssembly.Memory;
  /**
   * Inner products of one query with `count` rows: out[i] = query . row[i]. All but count are addresses or lengths
   * in bytes; `stride` is the length of a row and of the query, a multiple of 32, and count is a multiple of 4.
   */
  readonly dots: (query: number, rows: number, count: number, stride: number, out: number) => void;
};

const [query, row0, count, stride, out] = [0, 1, 2, 3, 4] as const;
const [row1, row2, row3, cursor, end] = [5, 6, 7, 8, 9] as const;
const rows = [row0, row1, row2, row3];
const sums = [10, 11, 12, 13];

const advance = (local: number, bytes: number): Code => [
  ...getLocal(local),
  ...i32Const(bytes),
  ...i32Add,
  ...setLocal(local),
];

/** local = base + stride */
const oneStrideAfter = (base: number, local: number): Code => [
  ...getLocal(base),
  ...getLocal(stride),
  ...i32Add,
  ...setLocal(local),
];

/** Four floats at `offset` of each row, times those of the query, added to the row's sum. */
const multiplyAdd = (offset: number): Code =>
  rows.flatMap((row, i) => [
    ...getLocal(sums[i] as number),
    ...getLocal(cursor),
    ...v128Load(offset),
    ...getLocal(row),
    ...v128Load(offset),
    ...f32x4Mul,
    ...f32x4Add,
    ...setLocal(sums[i] as number),
  ]);

/** out[i] = the four lanes of a row's sum, added up. */
const storeSum = (i: number): Code => {
  const lane = (n: number) => [...getLocal(sums[i] as number), ...f32x4Lane(n)];
  const total = [...lane(0), ...lane(1), ...f32Add, ...lane(2), ...lane(3), ...f32Add, ...f32Add];
  return [...getLocal(out), ...total, ...f32Store(i * 4)];
};

const eightFloatsOfFourRows: Code = [
  ...multiplyAdd(0),
  ...multiplyAdd(16),
  ...advance(cursor, 32),
  ...rows.flatMap((row) => advance(row, 32)),
];

const fourRows: Code = [
  ...oneStrideAfter(row0, row1),
  ...oneStrideAfter(row1, row2),
  ...oneStrideAfter(row2, row3),
  ...sums.flatMap((sum) => [...v128Zero, ...setLocal(sum)]),
  ...getLocal(query),
  ...setLocal(cursor),
  ...doWhile(eightFloatsOfFourRows, [...getLocal(cursor), ...getLocal(end), ...i32LessUnsigned]),
  ...rows.flatMap((_, i) => storeSum(i)),
  // The last row's pointer has arrived at the row after it.
  ...getLocal(row3),
  ...setLocal(row0),
  ...advance(out, 16),
  ...getLocal(count),
  ...i32Const(ROWS_AT_ONCE),
  ...i32Sub,
  ...setLocal(count),
];

const body: Code = [...oneStrideAfter(query, end), ...doWhile(fourRows, getLocal(count))];

const bytes = assembleModule(
  'dots',
  ['i32', 'i32', 'i32', 'i32', 'i32'],
  ['i32', 'i32', 'i32', 'i32', 'i32', 'v128', 'v128', 'v128', 'v128'],
  body,
);

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own, of one page. */
export function createDotsKernel(): DotsKernel {
  compiled ??= new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as DotsKernel;
}
