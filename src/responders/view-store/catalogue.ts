import { type ItemState, isOfUser, itemFeaturesView, itemProfileView } from '#features';
import { invariant } from '#platform';
import { decodeRanks, type PublishedRanks } from '#processors';
import type { Item, PopularityRanks } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { CatalogueFacts } from './catalogue-facts.ts';
import { FollowedRows } from './followed-rows.ts';
import { itemIdOf, itemNumber } from './item-numbers.ts';
import type { ItemChange, ItemFacts } from './port.ts';
import { RowDecoder } from './row-decoder.ts';
import type { StoredView } from './stored-views.ts';

/** The rows of items in the memory of this process, as every view store holds them: part of the port. */
export class Catalogue {
  readonly #views: ReadonlyMap<string, StoredView>;
  readonly #decoder: RowDecoder;
  readonly #rows: FollowedRows;
  readonly #facts = new CatalogueFacts();
  /** Titles of items that were shown, by item number. */
  readonly #titles: (string | undefined)[] = [];
  #ranks: PublishedRanks | undefined;
  #ranksFollower: TopicFollower<PopularityRanks> | undefined;
  readonly #listeners = new Set<(item: number, change: ItemChange) => void>();

  private constructor(views: readonly StoredView[], decoder: RowDecoder) {
    this.#views = new Map(views.map((view) => [view.name, view]));
    this.#decoder = decoder;
    this.#rows = new FollowedRows(views);
  }

  /** Starts to read those of `views` that are of items, and their ranks. */
  static async open(
    environment: FollowerEnvironment,
    topics: Topics,
    views: readonly StoredView[],
  ): Promise<Catalogue> {
    const ofItems = views.filter((view) => !isOfUser(view));
    const catalogue = new Catalogue(ofItems, new RowDecoder(environment));
    await catalogue.#rows.follow(environment, (view, { key, row }) => catalogue.#changed(view, key, row));
    try {
      catalogue.#ranksFollower = await TopicFollower.open(
        environment,
        topics['popularity-ranks'],
        ({ value }) => catalogue.#ranksPublished(value),
      );
    } catch (error) {
      await catalogue.close();
      throw error;
    }
    return catalogue;
  }

  /** As `ViewStore.rows` gives it. */
  row(view: string, itemId: string): unknown {
    const stored = this.#views.get(view);
    invariant(stored !== undefined, 'the view is one of items');
    return this.#decoder.row(stored, itemId, this.#rows.row(view, itemId));
  }

  /** Memory held for rows. */
  get bytes(): number {
    return this.#rows.bytes;
  }

  item(itemId: string): Item | undefined {
    return this.row(itemProfileView.name, itemId) as Item | undefined;
  }

  title(item: number): string {
    const known = this.#titles[item];
    if (known !== undefined) return known;
    const title = this.item(itemIdOf(item))?.title ?? '';
    this.#titles[item] = title;
    return title;
  }

  get facts(): ItemFacts {
    return this.#facts;
  }

  availableItems(): Iterable<number> {
    return this.#facts.available();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.row(itemFeaturesView.name, itemId) as ItemState | undefined;
  }

  get ranks(): PublishedRanks | undefined {
    return this.#ranks;
  }

  watchItems(listener: (item: number, change: ItemChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest watermark of the items' features, ms of event time; -Infinity when there is none. */
  get watermark(): number {
    return this.#rows.watermark;
  }

  get caughtUp(): Promise<void> {
    return Promise.all([this.#rows.caughtUp, this.#ranksFollower?.caughtUp]).then(() => {});
  }

  notReady(): string | undefined {
    return this.#rows.notReady() ?? this.#ranksFollower?.notReady();
  }

  async close(): Promise<void> {
    await Promise.all([this.#rows.close(), this.#ranksFollower?.close()]);
  }

  #ranksPublished(ranks: PopularityRanks | null): void {
    if (ranks === null) return;
    const decoded = this.#decoder.attempt('popularity-ranks', '', () => decodeRanks(ranks));
    this.#ranks = decoded ?? this.#ranks;
  }

  #changed(view: StoredView, itemId: string, row: Buffer | undefined): void {
    if (view.name === itemProfileView.name) {
      const item = itemNumber(itemId);
      this.#facts.set(item, this.#decoder.row(view, itemId, row) as Item | undefined);
      this.#titles[item] = undefined;
      this.#tell(item, 'item');
    } else if (view.name === itemFeaturesView.name) this.#tell(itemNumber(itemId), 'features');
  }

  #tell(item: number, change: ItemChange): void {
    for (const listener of this.#listeners) listener(item, change);
  }
}
