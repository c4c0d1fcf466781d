import { currentRecords, type TopicRecord } from '#engine';
import { type VectorIndex, type Vocabulary, vectorOf } from '#models';
import { type Counter, errorCode, InputError, Slices } from '#platform';
import type { IndexBuild, ItemVector } from '#schemas';
import type { SharedFiles } from '#storage';
import type { Topics } from '#topologies';
import type { Found } from '../candidates/port.ts';
import type { Exclusion } from '../filters/request-filter.ts';
import { VersionLoader } from '../loading/version-loader.ts';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { ViewStore } from '../view-store/port.ts';
import { IndexedItems, type ItemRows, rowsOf } from './indexed-items.ts';
import { mismatch } from './mismatch.ts';

export type LiveIndexOptions = FollowerEnvironment & {
  readonly topics: Pick<Topics, 'indexes' | 'item-vectors'>;
  readonly dataDirectory: string;
  readonly files?: SharedFiles | undefined;
  readonly views: ViewStore;
};

/** An index with the items that its rows are, exchanged as one. */
type Searched = { readonly index: VectorIndex; readonly items: IndexedItems };
/** Longest slice of applying a build's changes, ms: requests wait for one. */
const SLICE_MS = 1;

type Change = { readonly offset: number; readonly vector: Float32Array | null };

/**
 * The index of a version as it is now: what the version came with or the last build of the whole catalogue, and on it
 * every vector that `item-vectors` has for the version. All replicas that have read so far find the same. A build that
 * can't be loaded is logged and counted, and the index in use goes on.
 */
export class LiveIndex {
  readonly #options: LiveIndexOptions;
  readonly #version: string;
  readonly #loads: Counter<'outcome'>;
  /** The last change of each item behind the build in use, for a build that is loaded meanwhile and may not hold it. */
  readonly #changes = new Map<string, Change>();
  #searched: Searched;
  /** Items that have changed since the build that is loaded now was opened, in order. */
  #meanwhile: string[] | undefined;
  #builtAs: string | undefined;
  #followers: readonly { close(): Promise<void> }[] = [];
  /** Builds are loaded one after another. */
  #loading: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(version: string, searched: Searched, options: LiveIndexOptions) {
    this.#version = version;
    this.#searched = searched;
    this.#options = options;
    const help = 'Indexes of the whole catalogue loaded, or refused by code.';
    this.#loads = options.metrics.counter('index_loads_total', help, ['outcome']);
  }

  /** With everything that the topics hold of the version now. Errors: MR_VERSION_CORRUPT, MR_INDEX_CORRUPT of the version's own files. */
  static async open(
    loader: VersionLoader,
    vocabulary: Vocabulary,
    options: LiveIndexOptions,
  ): Promise<LiveIndex> {
    const { version } = loader;
    const live = new LiveIndex(version, await searchedOf(loader, vocabulary, options), options);
    try {
      const { log, topics } = options;
      const built = (await currentRecords(log, topics.indexes, 'by-newest')).get(version)?.value;
      if (built !== undefined) await live.#load(built);
      await live.#follow(live.#builtAs === undefined ? 0 : (built?.vectors_offset ?? 0));
      return live;
    } catch (error) {
      await live.close();
      throw error;
    }
  }

  get dim(): number {
    return this.#searched.index.dim;
  }

  /** Items that can be found. */
  get size(): number {
    return this.#searched.index.size;
  }

  /** The k best for a user's vector that are not excluded, best first. */
  search(vector: Float32Array, k: number, exclusion: Exclusion): Found[] {
    const { index, items } = this.#searched;
    return items.found(index.search(vector, k, { exclude: items.excluding(exclusion) }));
  }

  /** The scores that `search` would give these items, available or not; those that are not in the index are left out. */
  score(vector: Float32Array, items: readonly number[]): Found[] {
    const { index } = this.#searched;
    return items.flatMap((item) => {
      const found = this.#vectorOf(item);
      return found === undefined ? [] : [{ item, score: scoreOf(index.metric, vector, found) }];
    });
  }

  #vectorOf(item: number): Float32Array | undefined {
    const { index, items } = this.#searched;
    const row = items.rowOf(item);
    return row === undefined ? undefined : index.vector(row);
  }

  /** False for an item that is not in the index. */
  copy(item: number, into: Float32Array, at: number): boolean {
    const { index, items } = this.#searched;
    const row = items.rowOf(item);
    return row !== undefined && index.copyVector(row, into, at);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#followers.map((follower) => follower.close()));
    await this.#loading;
    await release(this.#searched);
  }

  async #follow(vectorsOffset: number): Promise<void> {
    const { topics } = this.#options;
    const vectors = await TopicFollower.open(
      this.#options,
      topics['item-vectors'],
      (record) => this.#takeVector(record),
      [vectorsOffset],
    );
    this.#followers = [vectors];
    await vectors.caughtUp;
    const builds = await TopicFollower.open(this.#options, topics.indexes, ({ value }) => {
      if (value?.version !== this.#version) return;
      this.#loading = this.#loading.then(() => this.#load(value));
    });
    this.#followers = [vectors, builds];
  }

  #takeVector({ value, offset }: TopicRecord<string, ItemVector>): void {
    if (value?.version !== this.#version) return;
    const { item_id: id, vector } = value;
    try {
      this.#change(id, { offset, vector: vector && vectorOf(vector) });
    } catch (err) {
      if (!(err instanceof InputError)) throw err;
      // The vector before it is out of date, and a replica that starts now never sees it.
      this.#change(id, { offset, vector: null });
      const version = this.#version;
      this.#options.logger.error({ err, version, item: id }, 'an item is not found, as its vector is unfit');
    }
  }

  #change(id: string, change: Change): void {
    applyChange(this.#searched, id, change);
    this.#changes.set(id, change);
    this.#meanwhile?.push(id);
  }

  /** Brings a build up to date, and puts it in the place of the one in use. */
  async #load(build: IndexBuild): Promise<void> {
    if (this.#isClosed || build.index === this.#builtAs) return;
    const { logger } = this.#options;
    let loader: VersionLoader | undefined;
    try {
      loader = await VersionLoader.open(this.#options, build.directory);
      if (loader.version !== build.index || loader.manifest.indexOf !== this.#version)
        throw mismatch(this.#version, `index ${build.index} is not its own`);
      const next = await searchedOf(loader, rowsOf(await loader.itemIds()), this.#options);
      await this.#bringUpToDate(next, build.vectors_offset);
      // Nothing is waited for between the last change and the exchange, so none is missed.
      const before = this.#searched;
      this.#searched = next;
      this.#builtAs = build.index;
      this.#loads.inc({ outcome: 'loaded' });
      await release(before);
    } catch (err) {
      this.#loads.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
      logger.error({ err, index: build.index, version: this.#version }, 'an index was refused');
    } finally {
      this.#meanwhile = undefined;
      await loader?.close();
    }
  }

  /** Makes the changes from an offset on that there are, and those that come meanwhile. */
  async #bringUpToDate(next: Searched, vectorsOffset: number): Promise<void> {
    const meanwhile: string[] = [];
    this.#meanwhile = meanwhile;
    const slices = new Slices(SLICE_MS);
    for (const [id, change] of this.#changes) {
      if (change.offset >= vectorsOffset) applyChange(next, id, change);
      else this.#changes.delete(id);
      if (slices.isOver) await slices.yield();
    }
    for (const id of meanwhile) {
      applyChange(next, id, this.#changes.get(id) as Change);
      if (slices.isOver) await slices.yield();
    }
  }
}

async function searchedOf(
  loader: VersionLoader,
  rows: ItemRows,
  { views, logger }: LiveIndexOptions,
): Promise<Searched> {
  const { version } = loader;
  const index = await loader.index({
    onRebuilt: (err) =>
      err === undefined
        ? logger.info({ version }, 'an index was rebuilt, as much has changed')
        : logger.error({ version, err }, 'an index could not be rebuilt, and goes on as it is'),
  });
  if (index.size !== rows.itemCount)
    throw mismatch(version, `its files name ${rows.itemCount} items, its index has ${index.size}`);
  return { index, items: await IndexedItems.open(rows, views) };
}

async function release({ index, items }: Searched): Promise<void> {
  items.close();
  await index.close?.();
}

function applyChange({ index, items }: Searched, itemId: string, { vector }: Change): void {
  const item = itemNumber(itemId);
  if (vector !== null) {
    index.put(items.rowFor(item), vector);
    return;
  }
  const row = items.rowOf(item);
  if (row !== undefined) index.remove(row);
}

/** As the port of indexes defines scores. */
function scoreOf(metric: VectorIndex['metric'], a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    sum += metric === 'l2' ? -((x - y) ** 2) : x * y;
  }
  return sum;
}
