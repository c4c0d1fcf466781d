/** A step of the search for splits, and what was found, as numbers in memory that threads share. */
import { COLUMNS_PER_BLOCK, MOST_BINS } from './binning.ts';
import type { BlockSplits, BlockStep, SearchedNode } from './column-blocks.ts';
import type { Split } from './split.ts';

/** A step has two nodes at most: the children of a split. */
const NODES = 2;
const BUILD = 5;
const NODE = 6;
/** Gain (NaN where there is none), column, bin, whether missing values go left, length of the set (-1 where there is none). */
const SPLIT = 5;

export type SharedStep = {
  /** From, to, histogram, parent (-1 without), count of nodes; then the nodes: gradient, hessian, rows, least, most, histogram. */
  readonly step: Float64Array;
  /** [columns]. */
  readonly chosen: Uint8Array;
  /** [blocks, nodes, 5]. */
  readonly splits: Float64Array;
  /** [blocks, nodes, bins]. */
  readonly sets: Uint8Array;
};

export function sharedStep(columns: number): SharedStep {
  const slots = Math.ceil(columns / COLUMNS_PER_BLOCK) * NODES;
  const floats = (length: number) => new Float64Array(new SharedArrayBuffer(8 * length));
  const bytes = (length: number) => new Uint8Array(new SharedArrayBuffer(length));
  return {
    step: floats(BUILD + NODES * NODE),
    chosen: bytes(columns),
    splits: floats(slots * SPLIT),
    sets: bytes(slots * MOST_BINS),
  };
}

export function writeStep(shared: SharedStep, { build, nodes, chosen }: BlockStep): void {
  const { from, to, histogram, parent = -1 } = build;
  shared.step.set([from, to, histogram, parent, nodes.length]);
  nodes.forEach(({ sums: { gradient, hessian, rows }, bounds: { least, most }, histogram: own }, i) => {
    shared.step.set([gradient, hessian, rows, least, most, own], BUILD + i * NODE);
  });
  shared.chosen.set(chosen);
}

export function readStep({ step, chosen }: SharedStep): BlockStep {
  const [from, to, histogram, parent, count] = step as unknown as [number, number, number, number, number];
  const nodes = Array.from({ length: count }, (_, i): SearchedNode => {
    const at = BUILD + i * NODE;
    const [gradient, hessian, rows, least, most, own] = step.subarray(at, at + NODE) as unknown as [
      ...[number, number, number, number, number, number],
    ];
    return { sums: { gradient, hessian, rows }, bounds: { least, most }, histogram: own };
  });
  return { build: { from, to, histogram, parent: parent < 0 ? undefined : parent }, nodes, chosen };
}

export function writeSplits({ splits, sets }: SharedStep, block: number, found: BlockSplits): void {
  found.forEach((split, node) => {
    const slot = block * NODES + node;
    const { gain = Number.NaN, column = 0, bin = 0, set, missingLeft = false } = split ?? {};
    splits.set([gain, column, bin, Number(missingLeft), set?.length ?? -1], slot * SPLIT);
    if (set !== undefined) sets.set(set, slot * MOST_BINS);
  });
}

/** Reads the first `nodes` nodes of the step. */
export function readSplits({ splits, sets }: SharedStep, block: number, nodes: number): BlockSplits {
  return Array.from({ length: nodes }, (_, node): Split | undefined => {
    const slot = block * NODES + node;
    const [gain, column, bin, missingLeft, length] = splits.subarray(
      slot * SPLIT,
      (slot + 1) * SPLIT,
    ) as unknown as [number, number, number, number, number];
    if (Number.isNaN(gain)) return undefined;
    const from = slot * MOST_BINS;
    const set = length < 0 ? undefined : Array.from(sets.subarray(from, from + length));
    return { gain, column, bin, set, missingLeft: missingLeft === 1 };
  });
}
