/**
 * The kernel that walks rows down trees, eight rows at a time: their loads do not wait for each other, and no branch
 * depends on a comparison, which half of the time would be predicted wrong.
 */
import {
  assembleModule,
  type Code,
  doWhile,
  f32AtMost,
  f32Load,
  f64Add,
  f64Load,
  f64Store,
  getLocal,
  i32Add,
  i32And,
  i32AtLeastUnsigned,
  i32Const,
  i32IsZero,
  i32LessUnsigned,
  i32Load,
  i32LoadByte,
  i32ShiftLeft,
  i32ShiftRightUnsigned,
  ifElse,
  select,
  setLocal,
} from '../index/assembler.ts';

/** Rows that the kernel takes at a time: their number is padded to a multiple. */
export const ROWS_AT_ONCE = 8;

/**
 * Bytes of a node: a threshold (float32), or a set, or its address; the offset of its value in a row; the address of the
 * child to go to where the comparison does not hold, and of the one where it does. A leaf's children are itself.
 */
export const NODE_BYTES = 16;

/** All but `leafBit` and `valueShift` are addresses or lengths in bytes; there is one tree and one row at least. */
export type Walk = (
  /** The address of each tree's root. */
  trees: number,
  treesEnd: number,
  /** Values of rows, `stride` bytes each: float32, and from `setsFrom` on numbers of categories (int32). */
  rows: number,
  rowsEnd: number,
  stride: number,
  setsFrom: number,
  /** Float64 for each row, to which the values of its leaves are added in the order of the trees. */
  scores: number,
  /** A power of two, which the address of a node has if it is a leaf. */
  leafBit: number,
  /** The value of the leaf at address a is at a / 2 + valueShift. */
  valueShift: number,
) => void;

export type TraversalKernel = { readonly memory: WebAssembly.Memory; readonly walk: Walk };

const [trees, treesEnd, rows, rowsEnd, stride, setsFrom, scores, leafBit, valueShift] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
] as const;
const [firstRow, score, root, offset, category] = [9, 10, 11, 12, 13] as const;
const lanes = Array.from({ length: ROWS_AT_ONCE }, (_, lane) => ({
  row: 14 + lane,
  node: 14 + ROWS_AT_ONCE + lane,
}));

const advance = (local: number, bytes: number): Code => [
  ...getLocal(local),
  ...i32Const(bytes),
  ...i32Add,
  ...setLocal(local),
];

/** Whether the row's float at the node's offset is at most the threshold: 1 or 0. */
const isAtMost = ({ row, node }: (typeof lanes)[number]): Code => [
  ...getLocal(row),
  ...getLocal(offset),
  ...i32Add,
  ...f32Load(0),
  ...getLocal(node),
  ...f32Load(0),
  ...f32AtMost,
];

/** The same for sets of up to 32 categories, which are in place of the threshold, without a branch on what it is. */
const isAtMostOrInWord = (lane: (typeof lanes)[number]): Code => [
  ...getLocal(lane.node),
  ...i32Load(0),
  ...getLocal(lane.row),
  ...getLocal(offset),
  ...i32Add,
  ...i32Load(0),
  ...i32ShiftRightUnsigned,
  ...i32Const(1),
  ...i32And,
  ...isAtMost(lane),
  ...getLocal(offset),
  ...getLocal(setsFrom),
  ...i32AtLeastUnsigned,
  ...select,
];

/** Whether the row's category at the node's offset is in the set of any size, a bit each: 1 or 0. */
const isInSet = ({ row, node }: (typeof lanes)[number]): Code => [
  ...getLocal(row),
  ...getLocal(offset),
  ...i32Add,
  ...i32Load(0),
  ...setLocal(category),
  ...getLocal(node),
  ...i32Load(0),
  ...getLocal(category),
  ...i32Const(3),
  ...i32ShiftRightUnsigned,
  ...i32Add,
  ...i32LoadByte(0),
  ...getLocal(category),
  ...i32Const(7),
  ...i32And,
  ...i32ShiftRightUnsigned,
  ...i32Const(1),
  ...i32And,
];

/** What categorical splits hold: there are none, or a word with a bit for each category, or the address of such bits. */
export type Sets = 'none' | 'words' | 'addresses';

const test = (lane: (typeof lanes)[number], sets: Sets): Code => {
  if (sets === 'none') return isAtMost(lane);
  if (sets === 'words') return isAtMostOrInWord(lane);
  return [
    ...getLocal(offset),
    ...getLocal(setsFrom),
    ...i32AtLeastUnsigned,
    ...ifElse(isInSet(lane), isAtMost(lane)),
  ];
};

/** node = its child for the row. */
const step = (lane: (typeof lanes)[number], sets: Sets): Code => [
  ...getLocal(lane.node),
  ...i32Load(4),
  ...setLocal(offset),
  ...test(lane, sets),
  ...i32Const(2),
  ...i32ShiftLeft,
  ...getLocal(lane.node),
  ...i32Add,
  ...i32Load(8),
  ...setLocal(lane.node),
];

const areNotAllLeaves: Code = [
  ...getLocal(leafBit),
  ...lanes.flatMap(({ node }) => [...getLocal(node), ...i32And]),
  ...i32IsZero,
];

const addValue = ({ node }: (typeof lanes)[number], lane: number): Code => [
  ...getLocal(score),
  ...getLocal(score),
  ...f64Load(lane * 8),
  ...getLocal(node),
  ...i32Const(1),
  ...i32ShiftRightUnsigned,
  ...getLocal(valueShift),
  ...i32Add,
  ...f64Load(0),
  ...f64Add,
  ...f64Store(lane * 8),
];

const body = (sets: Sets): Code => {
  const rowsOfTree: Code = [
    ...lanes.flatMap(({ row, node }, lane) => [
      ...(lane === 0
        ? getLocal(firstRow)
        : [...getLocal((lanes[lane - 1] as (typeof lanes)[number]).row), ...getLocal(stride), ...i32Add]),
      ...setLocal(row),
      ...getLocal(root),
      ...setLocal(node),
    ]),
    ...doWhile(
      lanes.flatMap((lane) => step(lane, sets)),
      areNotAllLeaves,
    ),
    ...lanes.flatMap(addValue),
    ...advance(score, 8 * ROWS_AT_ONCE),
    ...getLocal((lanes.at(-1) as (typeof lanes)[number]).row),
    ...getLocal(stride),
    ...i32Add,
    ...setLocal(firstRow),
  ];
  const tree: Code = [
    ...getLocal(trees),
    ...i32Load(0),
    ...setLocal(root),
    ...getLocal(rows),
    ...setLocal(firstRow),
    ...getLocal(scores),
    ...setLocal(score),
    ...doWhile(rowsOfTree, [...getLocal(firstRow), ...getLocal(rowsEnd), ...i32LessUnsigned]),
    ...advance(trees, 4),
  ];
  return doWhile(tree, [...getLocal(trees), ...getLocal(treesEnd), ...i32LessUnsigned]);
};

const compiled = new Map<Sets, WebAssembly.Module>();

/** A kernel with a memory of its own, of one page: the less it knows of sets, the faster it is. */
export function createTraversalKernel(sets: Sets): TraversalKernel {
  let module = compiled.get(sets);
  if (module === undefined) {
    const locals = Array.from({ length: 5 + 2 * ROWS_AT_ONCE }, () => 'i32' as const);
    const parameters = Array.from({ length: 9 }, () => 'i32' as const);
    module = new WebAssembly.Module(assembleModule('walk', parameters, locals, body(sets)));
    compiled.set(sets, module);
  }
  return new WebAssembly.Instance(module).exports as TraversalKernel;
}
