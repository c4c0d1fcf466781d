import type { TopicRecord } from '#engine';
import { invariant } from '#platform';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { CrossedRows } from './crossed-rows.ts';
import { encoded, encodedAndChecked } from './encoded-topic.ts';
import { RowArena } from './row-arena.ts';
import { ShortRows } from './short-rows.ts';
import { isCrossed, type StoredView } from './stored-views.ts';

type Rows = {
  readonly values: Pick<RowArena, 'get' | 'set' | 'delete' | 'size' | 'bytes'>;
  readonly short: ShortRows;
};

/** The newest rows of some views in the memory of this process, encoded as they were read from the views' topics. */
export class FollowedRows {
  readonly #views: readonly StoredView[];
  readonly #rows: ReadonlyMap<string, Rows>;
  readonly #followers: TopicFollower<Buffer>[] = [];

  constructor(views: readonly StoredView[]) {
    this.#views = views;
    this.#rows = new Map(
      views.map((view) => {
        const values = isCrossed(view) ? new CrossedRows() : new RowArena();
        return [view.name, { values, short: new ShortRows() }];
      }),
    );
  }

  /** Starts to read. `changed` is called after each change of a row, with the view's name. */
  async follow(
    environment: FollowerEnvironment,
    changed: (view: string, key: string) => void = () => {},
  ): Promise<void> {
    try {
      for (const view of this.#views) {
        const { values, short } = this.#rowsOf(view.name);
        const apply = ({ key, value }: TopicRecord<string, Buffer>) => {
          if (value === null) values.delete(key);
          else values.set(key, short.shorten(value));
          changed(view.name, key);
        };
        const topic = view.isFromEngine ? encoded(view.topic) : encodedAndChecked(view.topic);
        this.#followers.push(await TopicFollower.open(environment, topic, apply));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  row(view: string, key: string): Buffer | undefined {
    const { values, short } = this.#rowsOf(view);
    const row = values.get(key);
    return row && short.lengthen(row);
  }

  /** How many rows there are of a view, and the memory that is held for them. */
  sizeOf(view: string): { readonly rows: number; readonly bytes: number } {
    const { size: rows, bytes } = this.#rowsOf(view).values;
    return { rows, bytes };
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

  #rowsOf(view: string): Rows {
    const rows = this.#rows.get(view);
    invariant(rows !== undefined, 'the view is one of those that are followed');
    return rows;
  }
}
