import type { MessagePort } from 'node:worker_threads';
import { MeetingThreads } from '../parallel/meeting-threads.ts';
import { COLUMNS_PER_BLOCK } from './binning.ts';
import { type BlockSplits, type BlockStep, type BlocksSetup, ColumnBlocks } from './column-blocks.ts';
import { readSplits, readStep, writeSplits, writeStep } from './shared-step.ts';
import { better, type Split } from './split.ts';

/** Additions to histograms, or bins to be searched, below which meeting other threads costs more than it saves. */
const MIN_SHARED_WORK = 20_000;

export type ThreadOptions = { readonly threads: number; readonly host?: MessagePort | undefined };

/** Builds the histograms of nodes and finds their best splits, blocks of columns side by side on several threads. */
export class SplitSearch {
  readonly #own: ColumnBlocks;
  readonly #threads: MeetingThreads | undefined;
  readonly #blocks: number;
  readonly #setup: BlocksSetup;

  private constructor(setup: BlocksSetup, own: ColumnBlocks, threads: MeetingThreads | undefined) {
    this.#setup = setup;
    this.#own = own;
    this.#threads = threads;
    this.#blocks = Math.ceil(setup.shape.columns / COLUMNS_PER_BLOCK);
  }

  static async open(setup: BlocksSetup, { threads, host }: ThreadOptions): Promise<SplitSearch> {
    const own = new ColumnBlocks(setup);
    if (threads === 1) return new SplitSearch(setup, own, undefined);
    const entry = new URL('./block-thread.ts', import.meta.url);
    const { shared } = setup;
    const compute = (block: number) => writeSplits(shared, block, own.compute(readStep(shared), block));
    const started = await MeetingThreads.start(compute, { entry, setup, threads, host });
    return new SplitSearch(setup, own, started);
  }

  /** The best split of each of the step's nodes. */
  async search(step: BlockStep): Promise<BlockSplits> {
    const splits =
      this.#threads !== undefined && this.#workOf(step) >= MIN_SHARED_WORK
        ? await this.#shared(this.#threads, step)
        : Array.from({ length: this.#blocks }, (_, block) => this.#own.compute(step, block));
    return step.nodes.map((_, node) =>
      splits.reduce((best: Split | undefined, found) => better(best, found[node]), undefined),
    );
  }

  async close(): Promise<void> {
    await this.#threads?.close();
  }

  async #shared(threads: MeetingThreads, step: BlockStep): Promise<readonly BlockSplits[]> {
    const { shared } = this.#setup;
    writeStep(shared, step);
    await threads.step(this.#blocks);
    return Array.from({ length: this.#blocks }, (_, block) => readSplits(shared, block, step.nodes.length));
  }

  #workOf({ build: { from, to }, nodes }: BlockStep): number {
    const { columns, slots } = this.#setup.shape;
    return (to - from) * columns + nodes.length * slots;
  }
}
