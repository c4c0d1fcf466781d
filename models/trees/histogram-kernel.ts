/** The inner loop of histograms: two doubles in one SIMD addition, which halves what JavaScript needs for it. */
import {
  assembleModule,
  type Code,
  doWhile,
  f64x2Add,
  getLocal,
  i32Add,
  i32And,
  i32Const,
  i32LessUnsigned,
  i32Load,
  i32ShiftLeft,
  i32ShiftRightUnsigned,
  i32Store,
  setLocal,
  v128Load,
  v128Store,
} from '../index/assembler.ts';

/**
 * Adds a pair of doubles of each row, [rows, 2] from `gradients`, to four histograms, by the four bins in the row's word
 * of `bins`, and counts the rows. Rows are the numbers from `row` to below `end`. `sums` and `counts` are where the
 * histogram of each of the four columns starts. All are addresses in bytes.
 */
export type AddRows = (
  row: number,
  end: number,
  bins: number,
  gradients: number,
  ...histograms: readonly [
    ...sums: readonly [number, number, number, number],
    ...counts: readonly [number, number, number, number],
  ]
) => void;

const [row, end, bins, gradients] = [0, 1, 2, 3] as const;
const sums = [4, 5, 6, 7];
const counts = [8, 9, 10, 11];
const [word, bin, address, pair] = [12, 13, 14, 15] as const;

/** address = start + bin * 2^shift */
const addressOfBin = (start: number, shift: number): Code => [
  ...getLocal(start),
  ...getLocal(bin),
  ...i32Const(shift),
  ...i32ShiftLeft,
  ...i32Add,
  ...setLocal(address),
];

const addToColumn = (column: number): Code => [
  ...getLocal(word),
  ...i32Const(8 * column),
  ...i32ShiftRightUnsigned,
  ...i32Const(255),
  ...i32And,
  ...setLocal(bin),
  ...addressOfBin(sums[column] as number, 4),
  ...getLocal(address),
  ...getLocal(address),
  ...v128Load(0),
  ...getLocal(pair),
  ...f64x2Add,
  ...v128Store(0),
  ...addressOfBin(counts[column] as number, 2),
  ...getLocal(address),
  ...getLocal(address),
  ...i32Load(0),
  ...i32Const(1),
  ...i32Add,
  ...i32Store(0),
];

const advance = (local: number, bytes: number): Code => [
  ...getLocal(local),
  ...i32Const(bytes),
  ...i32Add,
  ...setLocal(local),
];

const body = doWhile(
  [
    ...getLocal(bins),
    ...getLocal(row),
    ...i32Load(0),
    ...i32Const(2),
    ...i32ShiftLeft,
    ...i32Add,
    ...i32Load(0),
    ...setLocal(word),
    ...getLocal(gradients),
    ...v128Load(0),
    ...setLocal(pair),
    ...[0, 1, 2, 3].flatMap(addToColumn),
    ...advance(row, 4),
    ...advance(gradients, 16),
  ],
  [...getLocal(row), ...getLocal(end), ...i32LessUnsigned],
);

const bytes = assembleModule(
  'addRows',
  Array.from({ length: 12 }, () => 'i32' as const),
  ['i32', 'i32', 'i32', 'v128'],
  body,
  'shared',
);

/** There must be a row at least. */
export function addRowsKernel(shared: WebAssembly.SharedMemory): AddRows {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { memory: { shared } });
  return (exports as { readonly addRows: AddRows }).addRows;
}
