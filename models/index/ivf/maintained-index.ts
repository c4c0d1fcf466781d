import { FatalError, Slices, startWorker, Thread } from '#platform';
import type { Ranked } from '../../top-k.ts';
import type { IndexParts } from '../parts.ts';
import type { Metric, SearchOptions, VectorIndex } from '../port.ts';
import { IvfIndex } from './ivf-index.ts';
import type { RebuildAnswers } from './rebuild-main.ts';
import { RowCopies, type Rows } from './row-copies.ts';

/** Changes after which centroids and calibration are made again, as a share of the vectors that were there. */
const REBUILT_AFTER = 0.3;
/** Fewer are not worth it. */
const LEAST_CHANGES = 1000;
/** The same is done where changes gather in some lists, so that searches look through so many times as much as before. */
const LARGEST_DRIFT = 1.5;
/** Changes from one look at the lists to the next. */
const LOOKED_EVERY = 100;
/** The thread is left to others after so long; one list copied more may take longer. */
const SLICE_MS = 1;

export type MaintenanceOptions = {
  /** Called after each rebuild, with the error of one that has failed: the index is as good as before then. */
  readonly onRebuilt?: (error: unknown) => void;
  /** What it is searched with, [any, dim], which rebuilds are calibrated with; vectors of its own where absent. */
  readonly queries?: Float32Array | undefined;
};

/**
 * An index by lists that is rebuilt in a thread of its own when much has changed. Searches and changes go on in the old
 * one, and what changes meanwhile is made up for in the new one before it takes the place of the old one, between two calls.
 */
export class MaintainedIndex implements VectorIndex {
  #index: IvfIndex;
  #bound: number;
  #imbalance: number;
  #changes = 0;
  /** Ids that have changed since the rebuild under way began, in order, some more than once: a set takes milliseconds to grow. */
  #changed: number[] | undefined;
  #rebuild: Promise<void> | undefined;
  #thread: Thread<RebuildAnswers> | undefined;
  #isClosed = false;
  readonly #onRebuilt: (error: unknown) => void;
  readonly #queries: Float32Array | undefined;
  #seed = 1;

  constructor(index: IvfIndex, { onRebuilt = () => {}, queries }: MaintenanceOptions = {}) {
    this.#index = index;
    this.#bound = boundOf(index);
    this.#imbalance = index.imbalance;
    this.#onRebuilt = onRebuilt;
    this.#queries = queries;
  }

  get dim(): number {
    return this.#index.dim;
  }

  get metric(): Metric {
    return this.#index.metric;
  }

  get size(): number {
    return this.#index.size;
  }

  search(query: Float32Array, k: number, options?: SearchOptions): Ranked {
    return this.#index.search(query, k, options);
  }

  vector(id: number): Float32Array | undefined {
    return this.#index.vector(id);
  }

  copyVector(id: number, into: Float32Array, at: number): boolean {
    return this.#index.copyVector(id, into, at);
  }

  put(id: number, vector: Float32Array): void {
    this.#index.put(id, vector);
    this.#note(id);
  }

  remove(id: number): boolean {
    const was = this.#index.remove(id);
    if (was) this.#note(id);
    return was;
  }

  toParts(): IndexParts {
    return this.#index.toParts();
  }

  /** Gives up a rebuild that is under way, without a word to `onRebuilt`, and starts no other. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.abandon();
    await this.#rebuild?.catch(() => {});
  }

  /** Rebuilds now, or waits for the rebuild under way. Errors: those of the build; MR_INDEX_REBUILD, also once it is closed. */
  rebuild(): Promise<void> {
    this.#rebuild ??= this.#rebuildOnce().finally(() => {
      this.#rebuild = undefined;
      this.#changed = undefined;
    });
    return this.#rebuild;
  }

  #note(id: number): void {
    this.#changed?.push(id);
    this.#changes++;
    if (this.#isClosed || this.#rebuild !== undefined || !this.#isWorn) return;
    const tell = (error: unknown) => {
      if (!this.#isClosed) this.#onRebuilt(error);
    };
    this.rebuild().then(() => tell(undefined), tell);
  }

  get #isWorn(): boolean {
    if (this.#changes >= this.#bound) return true;
    if (this.#changes < LEAST_CHANGES || this.#changes % LOOKED_EVERY !== 0) return false;
    return this.#index.imbalance > LARGEST_DRIFT * this.#imbalance;
  }

  async #rebuildOnce(): Promise<void> {
    const changed: number[] = [];
    this.#changed = changed;
    this.#changes = 0;
    const { dim, metric, calibration } = this.#index;
    const seed = this.#seed++;
    const copies = await this.#copyLists();
    if (this.#isClosed) throw ended('the index was closed');
    const entry = new URL('./rebuild-main.ts', import.meta.url);
    const thread = new Thread<RebuildAnswers>(startWorker(entry, { name: 'index rebuild' }), { gone: ended });
    this.#thread = thread;
    try {
      const order = { dim, metric, seed, target: calibration.target, queries: this.#queries, copies };
      const sent = await thread.call('build', order);
      const index = IvfIndex.receive(sent);
      await this.#exchange(index, changed);
    } finally {
      this.#thread = undefined;
      await thread.stop();
    }
  }

  async #copyLists(): Promise<readonly Rows[]> {
    const copies = new RowCopies(this.dim, this.size);
    const slices = new Slices(SLICE_MS);
    for (let list = 0; list < this.#index.lists; list++) {
      this.#index.copyList(list, copies);
      if (slices.isOver) await slices.yield();
    }
    return copies.pieces();
  }

  /** Brings the new index up to date, and puts it in the place of the old one before anything else can change that. */
  async #exchange(index: IvfIndex, changed: readonly number[]): Promise<void> {
    const slices = new Slices(SLICE_MS);
    // More come meanwhile.
    for (const id of changed) {
      if (this.#isClosed) throw ended('the index was closed');
      const vector = this.#index.vector(id);
      if (vector === undefined) index.remove(id);
      else index.put(id, vector);
      if (slices.isOver) await slices.yield();
    }
    this.#index = index;
    this.#bound = boundOf(index);
    this.#imbalance = index.imbalance;
  }
}

const boundOf = ({ size }: IvfIndex): number => Math.max(LEAST_CHANGES, size * REBUILT_AFTER);

const ended = (cause: unknown) =>
  new FatalError('MR_INDEX_REBUILD', 'the thread that rebuilds the index has ended', { cause });
