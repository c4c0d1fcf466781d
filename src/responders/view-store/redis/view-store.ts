import { writerSchemaId } from '#avro';
import { crossKey, type ItemState, isOfUser } from '#features';
import { InputError, invariant, MillraceError, RetryableError } from '#platform';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import type { FollowerEnvironment } from '../../topic-follower.ts';
import { Catalogue } from '../catalogue.ts';
import type { ItemChange, ItemFacts, PairKeys, RowKey, UserListener, ViewStore } from '../port.ts';
import { RowDecoder } from '../row-decoder.ts';
import { moduleView, type StoredView, storedViews } from '../stored-views.ts';
import { RedisConnection } from './connection.ts';
import { followedView } from './followed-view.ts';
import { Generations } from './generations.ts';
import { Keyspace } from './keyspace.ts';
import { requireOwnNamespace } from './namespace-owner.ts';
import type { RedisLocation } from './redis-url.ts';
import { type FoundRow, RedisRowReader } from './row-reader.ts';
import { ViewsWatch } from './views-watch.ts';

/** Views that are kept together: those of the product, or the one of a module. */
type Source = {
  readonly views: readonly StoredView[];
  readonly watch: ViewsWatch;
  readonly rows: RedisRowReader;
};

type Parts = {
  readonly views: readonly StoredView[];
  readonly decoder: RowDecoder;
  readonly catalogue: Catalogue;
  readonly connection: RedisConnection;
  readonly sources: readonly Source[];
  readonly userListeners: Set<UserListener>;
};

type Wanted = { readonly view: StoredView; readonly key: string };

/** Rows of users out of Redis, where a RedisViewWriter of some process keeps them; the catalogue in this process. */
export class RedisViewStore implements ViewStore {
  readonly #parts: Parts;
  readonly #views: ReadonlyMap<string, StoredView>;
  /** By topic, the writers' schemas that are loaded. */
  readonly #loaded: ReadonlyMap<string, Set<number>>;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#views = new Map(parts.views.map((view) => [view.name, view]));
    this.#loaded = new Map(parts.views.map(({ topic }) => [topic.name, new Set()]));
  }

  /** Errors: those of RedisConnection.open; MR_VIEWS_FOREIGN. */
  static async open(
    location: RedisLocation,
    environment: FollowerEnvironment,
    topics: Topics,
    modules: readonly OpenedView[] = [],
  ): Promise<RedisViewStore> {
    const connection = await RedisConnection.open(location, environment.logger);
    const sources: Source[] = [];
    const userListeners = new Set<UserListener>();
    try {
      await requireOwnNamespace(connection);
      const keys = new Keyspace(connection.namespace);
      const open = async (keysOfSource: Keyspace, all: readonly StoredView[]) => {
        const views = all.filter(isOfUser);
        if (views.length === 0) return;
        sources.push(await openSource(environment, connection, keysOfSource, views));
        await connection.subscribe(keysOfSource.changed, (message) => tellOfUsers(userListeners, message));
      };
      await open(keys, storedViews(topics));
      for (const module of modules) await open(keys.ofModule(module.view), [moduleView(module)]);
      const views = storedViews(topics, modules);
      const catalogue = await Catalogue.open(environment, topics, views);
      const decoder = new RowDecoder(environment);
      return new RedisViewStore({ views, decoder, catalogue, connection, sources, userListeners });
    } catch (error) {
      await Promise.all(sources.map(({ watch }) => watch.close()));
      connection.close();
      throw error;
    }
  }

  async rows(keys: readonly RowKey[], pairs: readonly PairKeys[] = []): Promise<readonly unknown[]> {
    const { catalogue } = this.#parts;
    const ofPairs = pairs.flatMap(({ view, user, others }) =>
      others.map((other) => ({ view, key: crossKey(user, other) })),
    );
    const wanted = [...keys, ...ofPairs].map(({ view, key }) => ({ view: this.#viewOf(view), key }));
    const ofUsers = wanted.filter(({ view }) => isOfUser(view));
    const found = ofUsers.length === 0 ? [] : await this.#read(ofUsers);
    let next = 0;
    return wanted.map(({ view, key }) => (isOfUser(view) ? found[next++] : catalogue.row(view.name, key)));
  }

  item(itemId: string): Item | undefined {
    return this.#parts.catalogue.item(itemId);
  }

  title(item: number): string {
    return this.#parts.catalogue.title(item);
  }

  get facts(): ItemFacts {
    return this.#parts.catalogue.facts;
  }

  availableItems(): Iterable<number> {
    return this.#parts.catalogue.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#parts.catalogue.itemState(itemId);
  }

  get ranks(): PublishedRanks | undefined {
    return this.#parts.catalogue.ranks;
  }

  watchItems(listener: (item: number, change: ItemChange) => void): () => void {
    return this.#parts.catalogue.watchItems(listener);
  }

  watchUsers(listener: UserListener): () => void {
    const { userListeners } = this.#parts;
    userListeners.add(listener);
    return () => userListeners.delete(listener);
  }

  /** The rows of users in another generation are told as changed. */
  watchReplaced(): () => void {
    return () => {};
  }

  get watermark(): number {
    const { sources, catalogue } = this.#parts;
    return Math.max(...sources.map(({ watch }) => watch.watermark), catalogue.watermark);
  }

  get caughtUp(): Promise<void> {
    const { sources, catalogue } = this.#parts;
    return Promise.all([...sources.map(({ watch }) => watch.caughtUp), catalogue.caughtUp]).then(() => {});
  }

  notReady(): string | undefined {
    const { sources, catalogue } = this.#parts;
    const reasons = [...sources.map(({ watch }) => watch.notReady()), catalogue.notReady()].filter(Boolean);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    const { sources, catalogue } = this.#parts;
    await Promise.all([...sources.map(({ watch }) => watch.close()), catalogue.close()]);
    this.#parts.connection.close();
  }

  async #read(wanted: readonly Wanted[]): Promise<unknown[]> {
    const found = new Map<Wanted, unknown>();
    const reads = this.#parts.sources.map(async (source) => {
      const own = wanted.filter(({ view }) => source.views.some(({ name }) => name === view.name));
      const rows = own.length === 0 ? [] : await this.#readFrom(source, own);
      for (const [i, each] of own.entries()) found.set(each, rows[i]);
    });
    await Promise.all(reads);
    return wanted.map((each) => found.get(each));
  }

  async #readFrom({ watch, rows }: Source, wanted: readonly Wanted[]): Promise<unknown[]> {
    await watch.requireUpToDate();
    const found = await rows.read(
      wanted.map(({ view, key }) => ({ entity: 'user', topic: view.topic.name, key })),
    );
    await this.#loadSchemas(wanted.map(({ view }, i) => ({ view, row: found[i] })));
    return wanted.map(({ view, key }, i) => this.#decode(watch, { view, key }, found[i]));
  }

  #decode(watch: ViewsWatch, { view, key }: Wanted, found: FoundRow): unknown {
    if (found === undefined) return undefined;
    const { decoder } = this.#parts;
    if (found === 'damaged') {
      const damaged = new InputError('MR_VIEWS_ROW_DAMAGED', 'The value in Redis is not a row.');
      decoder.leaveOut(view.topic.name, key, damaged);
      return undefined;
    }
    watch.noteRead(view.topic.name, found.partition, found.offset);
    return decoder.row(view, key, found.value);
  }

  /** A row may have been written by a newer process, with a schema that this one has not met. */
  async #loadSchemas(rows: readonly { readonly view: StoredView; readonly row: FoundRow }[]): Promise<void> {
    for (const { view, row } of rows) {
      if (row === undefined || row === 'damaged') continue;
      const loaded = this.#loaded.get(view.topic.name);
      const schema = schemaOf(row.value);
      if (schema === undefined || loaded === undefined || loaded.has(schema)) continue;
      try {
        await view.topic.value.prepare(row.value);
        loaded.add(schema);
      } catch (error) {
        // For want of its schema the row is refused when it is decoded, and counted there.
        if (!(error instanceof MillraceError) || error instanceof RetryableError) throw error;
      }
    }
  }

  #viewOf(name: string): StoredView {
    const view = this.#views.get(name);
    invariant(view !== undefined, 'requested views exist');
    return view;
  }
}

function tellOfUsers(listeners: ReadonlySet<UserListener>, message: string | undefined): void {
  const users = message ? (JSON.parse(message) as readonly string[]) : [undefined];
  for (const listener of listeners) for (const userId of users) listener(userId);
}

async function openSource(
  environment: FollowerEnvironment,
  connection: RedisConnection,
  keys: Keyspace,
  views: readonly StoredView[],
): Promise<Source> {
  const generations = new Generations(connection, keys);
  const followed = views.map(followedView);
  const watch = await ViewsWatch.open({ ...environment, connection, keys, generations, views: followed });
  return { views, watch, rows: new RedisRowReader(connection, keys) };
}

/** Undefined for bytes that are no value of a topic. */
function schemaOf(row: Buffer): number | undefined {
  try {
    return writerSchemaId(row);
  } catch (error) {
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}
