import type { TopicRecord } from '#engine';
import { splitCrossKey } from '#features';
import { invariant } from '#platform';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { BundledRows } from './bundled-rows.ts';
import { encoded, encodedAndChecked } from './encoded-topic.ts';
import { ShortRows } from './short-rows.ts';
import { isCrossed, type StoredView } from './stored-views.ts';

type FollowedView = { readonly view: StoredView; readonly number: number; readonly short: ShortRows };

/** `row` is encoded as on the topic; undefined where it is gone. `owner` is of the entities in the key the first. */
type RowChange = { readonly key: string; readonly owner: string; readonly row: Buffer | undefined };

/** The newest rows of some views in the memory of this process, encoded as they were read from the views' topics. */
export class FollowedRows {
  readonly #views: ReadonlyMap<string, FollowedView>;
  readonly #rows = new BundledRows();
  readonly #followers: TopicFollower<Buffer>[] = [];

  constructor(views: readonly StoredView[]) {
    invariant(views.length <= 256, "a view's number is one byte");
    this.#views = new Map(views.map((view, number) => [view.name, { view, number, short: new ShortRows() }]));
  }

  /** Starts to read. `changed` is called after each change of a row. */
  async follow(
    environment: FollowerEnvironment,
    changed: (view: StoredView, change: RowChange) => void = () => {},
  ): Promise<void> {
    try {
      for (const { view, number, short } of this.#views.values()) {
        const apply = ({ key, value, traceparent }: TopicRecord<string, Buffer>) => {
          const [owner, other] = partsOf(view, key);
          if (value === null) this.#rows.delete(number, owner, other);
          else this.#rows.set(number, owner, other, short.shorten(value));
          if (traceparent !== undefined) environment.changes?.note(owner, traceparent);
          changed(view, { key, owner, row: value ?? undefined });
        };
        const topic = view.isFromEngine ? encoded(view.topic) : encodedAndChecked(view.topic);
        this.#followers.push(await TopicFollower.open(environment, topic, apply));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  row(name: string, key: string): Buffer | undefined {
    const { view, number, short } = this.#viewOf(name);
    const row = this.#rows.get(number, ...partsOf(view, key));
    return row && short.lengthen(row);
  }

  /** As `row` for an owner with each of many others: `found` is told where in the list a row is of. */
  each(
    name: string,
    owner: string,
    others: readonly string[],
    found: (place: number, row: Buffer) => void,
  ): void {
    const { number, short } = this.#viewOf(name);
    this.#rows.each(number, owner, others, (place, row) => found(place, short.lengthen(row)));
  }

  /** Memory held for the rows of all views. */
  get bytes(): number {
    return this.#rows.bytes;
  }

  /** The newest watermark of the topics, ms of event time; -Infinity when there is none. */
  get watermark(): number {
    return Math.max(...this.#followers.map((follower) => follower.watermark));
  }

  get caughtUp(): Promise<void> {
    return Promise.all(this.#followers.map((follower) => follower.caughtUp)).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = this.#followers.flatMap((follower) => follower.notReady() ?? []);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()));
  }

  #viewOf(name: string): FollowedView {
    const view = this.#views.get(name);
    invariant(view !== undefined, 'the view is one of those that are followed');
    return view;
  }
}

/** The row's owner and the other entity: '' if the view's entity is not a crossed one. */
function partsOf(view: StoredView, key: string): readonly [owner: string, other: string] {
  return isCrossed(view) ? splitCrossKey(key) : [key, ''];
}
