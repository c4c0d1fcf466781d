import type { MessagePort } from 'node:worker_threads';
import { ShardThreads } from '../parallel/shard-threads.ts';
import { COLUMNS_PER_BLOCK } from './binning.ts';
import { type BlockSplits, type BlockStep, type BlocksSetup, ColumnBlocks } from './column-blocks.ts';
import { better, type Split } from './split.ts';

/** Additions to histograms, or bins to be searched, below which a message to a thread costs more than it saves. */
const MIN_SHARED_WORK = 100_000;

export type ThreadOptions = { readonly threads: number; readonly host?: MessagePort | undefined };

/** Builds the histograms of nodes and finds their best splits, blocks of columns side by side on several threads. */
export class SplitSearch {
  readonly #own: ColumnBlocks;
  readonly #threads: ShardThreads<BlockStep, BlockSplits> | undefined;
  readonly #blocks: number;
  readonly #setup: BlocksSetup;

  private constructor(
    setup: BlocksSetup,
    own: ColumnBlocks,
    threads: ShardThreads<BlockStep, BlockSplits> | undefined,
  ) {
    this.#setup = setup;
    this.#own = own;
    this.#threads = threads;
    this.#blocks = Math.ceil(setup.shape.columns / COLUMNS_PER_BLOCK);
  }

  static async open(setup: BlocksSetup, { threads, host }: ThreadOptions): Promise<SplitSearch> {
    const own = new ColumnBlocks(setup);
    if (threads === 1) return new SplitSearch(setup, own, undefined);
    const entry = new URL('./block-thread.ts', import.meta.url);
    return new SplitSearch(setup, own, await ShardThreads.start(own, { entry, setup, threads, host }));
  }

  /** The best split of each of the step's nodes. */
  async search(step: BlockStep): Promise<BlockSplits> {
    const splits =
      this.#threads !== undefined && this.#workOf(step) >= MIN_SHARED_WORK
        ? await this.#threads.compute(step, this.#blocks)
        : Array.from({ length: this.#blocks }, (_, block) => this.#own.computeNow(step, block));
    return step.nodes.map((_, node) =>
      splits.reduce((best: Split | undefined, found) => better(best, found[node]), undefined),
    );
  }

  async close(): Promise<void> {
    await (this.#threads ?? this.#own).close();
  }

  #workOf({ build: { from, to }, nodes }: BlockStep): number {
    const { columns, slots } = this.#setup.shape;
    return (to - from) * columns + nodes.length * slots;
  }
}
