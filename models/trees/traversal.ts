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
  setLocal,
} from '../index/assembler.ts';

/** Rows that the kernel takes at a time: their number is padded to a multiple. */
export const ROWS_AT_ONCE = 8;

/**
 * Bytes of a node: a threshold (float32), or the address of a set; the offset of its value in a row; the address of the
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

/** Whether the row's category at the node's offset is in the set, a bit each: 1 or 0. */
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

/** node = its child for the row. */
const step = (lane: (typeof lanes)[number], hasSets: boolean): Code => [
  ...getLocal(lane.node),
  ...i32Load(4),
  ...setLocal(offset),
  ...(hasSets
    ? [
        ...getLocal(offset),
        ...getLocal(setsFrom),
        ...i32AtLeastUnsigned,
        ...ifElse(isInSet(lane), isAtMost(lane)),
      ]
    : isAtMost(lane)),
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

const body = (hasSets: boolean): Code => {
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
      lanes.flatMap((lane) => step(lane, hasSets)),
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

const compiled = new Map<boolean, WebAssembly.Module>();

/** A kernel with a memory of its own, of one page; without `hasSets` it takes no categorical splits, and is faster. */
export function createTraversalKernel(hasSets: boolean): TraversalKernel {
  let module = compiled.get(hasSets);
  if (module === undefined) {
    const locals = Array.from({ length: 5 + 2 * ROWS_AT_ONCE }, () => 'i32' as const);
    const parameters = Array.from({ length: 9 }, () => 'i32' as const);
    module = new WebAssembly.Module(assembleModule('walk', parameters, locals, body(hasSets)));
    compiled.set(hasSets, module);
  }
  return new WebAssembly.Instance(module).exports as TraversalKernel;
}
