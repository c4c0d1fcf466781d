/** What threads compute of a node, a block of columns at a time: its histogram and the best split. */
import { type BinnedColumn, type Binning, COLUMNS_PER_BLOCK } from './binning.ts';
import { categoricalSplit } from './categorical-split.ts';
import { Histograms } from './histogram.ts';
import { layOut, type MemoryShape, type TrainingMemory } from './memory.ts';
import type { TreeConfig } from './parameters.ts';
import type { SharedStep } from './shared-step.ts';
import { better, type Node, numericSplit, type Split } from './split.ts';

export type BlocksSetup = {
  readonly shape: MemoryShape;
  readonly memory: WebAssembly.SharedMemory;
  readonly shared: SharedStep;
  readonly binning: Binning;
  /** [columns of the binning]: 1, -1, or 0 without a constraint. */
  readonly directions: readonly number[];
  readonly config: TreeConfig;
};

/** A histogram to be built of the rows at `from` .. `to` - 1 of `order`; the sibling's is what is left of the parent's. */
export type Build = {
  readonly from: number;
  readonly to: number;
  readonly histogram: number;
  readonly parent: number | undefined;
};

export type SearchedNode = Node & { readonly histogram: number };

export type BlockStep = {
  readonly build: Build;
  readonly nodes: readonly SearchedNode[];
  /** [columns of the binning]: 1 where the tree may split by it. */
  readonly chosen: Uint8Array;
};

/** The best split of each node in the columns of a block; undefined where none lowers the loss. */
export type BlockSplits = readonly (Split | undefined)[];

export class ColumnBlocks {
  readonly #setup: BlocksSetup;
  readonly #memory: TrainingMemory;
  readonly #histograms: Histograms;

  constructor(setup: BlocksSetup) {
    this.#setup = setup;
    this.#memory = layOut(setup.shape, setup.memory);
    this.#histograms = new Histograms(setup.shape, setup.memory);
  }

  compute({ build, nodes, chosen }: BlockStep, block: number): BlockSplits {
    const first = block * COLUMNS_PER_BLOCK;
    const columns = this.#setup.binning.columns.slice(first, first + COLUMNS_PER_BLOCK);
    if (!columns.some((_, i) => chosen[first + i] === 1)) return nodes.map(() => undefined);
    this.#build(build, block, columns);
    return nodes.map((node) => {
      let best: Split | undefined;
      columns.forEach((column, i) => {
        if (chosen[first + i] === 1) best = better(best, this.#bestOf(node, first + i, column));
      });
      return best;
    });
  }

  #build({ from, to, histogram, parent }: Build, block: number, columns: readonly BinnedColumn[]): void {
    const { slots } = this.#setup.shape;
    const [first, last] = [columns[0] as BinnedColumn, columns.at(-1) as BinnedColumn];
    const length = last.slot + last.bins + 1 - first.slot;
    const start = histogram * slots + first.slot;
    this.#histograms.clear(start, length);
    const slotAt = (i: number) => histogram * slots + (columns[i]?.slot ?? slots - 1);
    this.#histograms.addRows(block, [slotAt(0), slotAt(1), slotAt(2), slotAt(3)], from, to);
    if (parent !== undefined) this.#histograms.subtract(parent * slots + first.slot, start, length);
  }

  #bestOf(node: SearchedNode, index: number, column: BinnedColumn): Split | undefined {
    const { shape, config, directions } = this.#setup;
    const { sums, counts } = this.#memory;
    const histogram = { sums, counts, slot: node.histogram * shape.slots + column.slot };
    const found =
      column.thresholds === undefined
        ? categoricalSplit(histogram, column, node, config)
        : numericSplit(histogram, column, node, config, directions[index] as number);
    return found && { ...found, column: index };
  }
}
