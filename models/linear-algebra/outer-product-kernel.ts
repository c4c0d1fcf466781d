import {
  assembleModule,
  type Code,
  doWhile,
  f32x4Add,
  f32x4Mul,
  getLocal,
  i32Add,
  i32LessUnsigned,
  setLocal,
  v128Load,
  v128Zero,
} from '../index/assembler.ts';

/** A call adds up outer products of four floats with eight. */
export const TILE_ROWS = 4;
export const TILE_COLUMNS = 8;

export type OuterProductKernel = {
  readonly memory: WebAssembly.Memory;
  /**
   * out[i][j] = the sum over r of left[r][i] * right[r][j], i below 4, j below 8. `left` and `right` are addresses in a
   * matrix with rows of `stride` bytes, `end` is where `left` stands after the last row (one row at least), and the
   * rows of `out` are `outStride` bytes apart. Sums are made in the order of the rows.
   */
  readonly outerProducts: (
    left: number,
    right: number,
    end: number,
    stride: number,
    out: number,
    outStride: number,
  ) => void;
};

const [left, right, end, stride, out, outStride] = [0, 1, 2, 3, 4, 5] as const;
const [right0, right1, splat] = [6, 7, 8] as const;
const rows = [0, 1, 2, 3];
const sums = [9, 10, 11, 12, 13, 14, 15, 16] as const;

/** [address] to four copies of the float there; [address, vector] to nothing. Opcodes 9 and 11 of SIMD. */
const v128LoadSplat = (offset: number): Code => [0xfd, 9, 2, offset];
const v128Store = (offset: number): Code => [0xfd, 11, 2, offset];

const advance = (local: number, by: number): Code => [
  ...getLocal(local),
  ...getLocal(by),
  ...i32Add,
  ...setLocal(local),
];

const addTo = (sum: number, vector: number): Code => [
  ...getLocal(sum),
  ...getLocal(splat),
  ...getLocal(vector),
  ...f32x4Mul,
  ...f32x4Add,
  ...setLocal(sum),
];

const oneRow: Code = [
  ...getLocal(right),
  ...v128Load(0),
  ...setLocal(right0),
  ...getLocal(right),
  ...v128Load(16),
  ...setLocal(right1),
  ...rows.flatMap((row) => [
    ...getLocal(left),
    ...v128LoadSplat(row * 4),
    ...setLocal(splat),
    ...addTo(sums[row * 2] as number, right0),
    ...addTo(sums[row * 2 + 1] as number, right1),
  ]),
  ...advance(left, stride),
  ...advance(right, stride),
];

const storeSums: Code = rows.flatMap((row) => [
  ...[0, 1].flatMap((half) => [
    ...getLocal(out),
    ...getLocal(sums[row * 2 + half] as number),
    ...v128Store(half * 16),
  ]),
  ...advance(out, outStride),
]);

const body: Code = [
  ...sums.flatMap((sum) => [...v128Zero, ...setLocal(sum)]),
  ...doWhile(oneRow, [...getLocal(left), ...getLocal(end), ...i32LessUnsigned]),
  ...storeSums,
];

const bytes = assembleModule(
  'outerProducts',
  ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  new Array(3 + sums.length).fill('v128'),
  body,
);

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own, of one page. */
export function createOuterProductKernel(): OuterProductKernel {
  compiled ??= new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as OuterProductKernel;
}
