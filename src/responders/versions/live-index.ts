import { join } from 'node:path';
import { currentRecords, type TopicRecord } from '#engine';
import {
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  openIndex,
  openVersion,
  type VectorIndex,
  type VersionFiles,
  type Vocabulary,
  vectorOf,
} from '#models';
import { type Counter, errorCode, InputError } from '#platform';
import type { IndexBuild, ItemVector } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { IndexedItems, type ItemRows, rowsOf, type ScoredItem } from './indexed-items.ts';
import { mismatch } from './mismatch.ts';

export type LiveIndexOptions = FollowerEnvironment & {
  readonly topics: Pick<Topics, 'indexes' | 'item-vectors'>;
  readonly dataDirectory: string;
  readonly views: ViewStore;
};

/** An index with the items that its rows are, exchanged as one. */
type Searched = { readonly index: VectorIndex; readonly items: IndexedItems };
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
    files: VersionFiles,
    vocabulary: Vocabulary,
    options: LiveIndexOptions,
  ): Promise<LiveIndex> {
    const { version } = files;
    const live = new LiveIndex(version, searchedOf(files, vocabulary, options), options);
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

  /** The k best for a user's vector, best first, without these items and those that are unavailable. */
  search(vector: Float32Array, k: number, seenItems: readonly string[]): ScoredItem[] {
    const { index, items } = this.#searched;
    return items.named(index.search(vector, k, { exclude: items.excluding(seenItems) }));
  }

  /** The scores that `search` would give these items, available or not; those that are not in the index are left out. */
  score(vector: Float32Array, itemIds: readonly string[]): ScoredItem[] {
    const { index, items } = this.#searched;
    return itemIds.flatMap((itemId) => {
      const row = items.rowOf(itemId);
      const found = row === undefined ? undefined : index.vector(row);
      return found === undefined ? [] : [{ itemId, score: scoreOf(index.metric, vector, found) }];
    });
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
  }

  /** Brings a build up to date, and puts it in the place of the one in use. */
  async #load(build: IndexBuild): Promise<void> {
    if (this.#isClosed || build.index === this.#builtAs) return;
    const { dataDirectory, logger } = this.#options;
    try {
      const files = await openVersion(join(dataDirectory, build.directory));
      if (files.version !== build.index || files.manifest.indexOf !== this.#version)
        throw mismatch(this.#version, `index ${build.index} is not its own`);
      const next = searchedOf(files, rowsOf(itemIdsIn(files)), this.#options);
      // From here to the exchange nothing is waited for, so no change is missed.
      for (const [id, change] of this.#changes) {
        if (change.offset >= build.vectors_offset) applyChange(next, id, change);
        else this.#changes.delete(id);
      }
      const before = this.#searched;
      this.#searched = next;
      this.#builtAs = build.index;
      this.#loads.inc({ outcome: 'loaded' });
      await release(before);
    } catch (err) {
      this.#loads.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
      logger.error({ err, index: build.index, version: this.#version }, 'an index was refused');
    }
  }
}

function searchedOf(files: VersionFiles, rows: ItemRows, { views, logger }: LiveIndexOptions): Searched {
  const { version } = files;
  const index = openIndex(files.read(ITEM_VECTORS_FILE), {
    onRebuilt: (err) =>
      err === undefined
        ? logger.info({ version }, 'an index was rebuilt, as much has changed')
        : logger.error({ version, err }, 'an index could not be rebuilt, and goes on as it is'),
  });
  if (index.size !== rows.itemCount)
    throw mismatch(version, `its files name ${rows.itemCount} items, its index has ${index.size}`);
  return { index, items: new IndexedItems(rows, views) };
}

async function release({ index, items }: Searched): Promise<void> {
  items.close();
  await index.close?.();
}

function applyChange({ index, items }: Searched, itemId: string, { vector }: Change): void {
  if (vector !== null) {
    index.put(items.rowFor(itemId), vector);
    return;
  }
  const row = items.rowOf(itemId);
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

function itemIdsIn(files: VersionFiles): string[] {
  return JSON.parse(files.read(ITEM_IDS_FILE).toString()) as string[];
}
