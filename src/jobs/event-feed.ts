import type { OffsetCommit } from '#log';
import { EVENT_NAMES, type EventName } from './event-names.ts';
import { EVENTS, type Followed, type FollowOptions } from './events.ts';
import type { Job } from './job.ts';

type Met = {
  readonly event: EventName;
  readonly cause: string;
  /** To be committed with what the event leads to. */
  readonly positions: readonly OffsetCommit[];
};

type Feed = { readonly event: EventName; readonly followed: Followed };

/** Follows the topics of the events that jobs begin with; others are not read. */
export class EventFeed {
  readonly #feeds: readonly Feed[];

  private constructor(feeds: readonly Feed[]) {
    this.#feeds = feeds;
  }

  static async open(jobs: readonly Job[], options: FollowOptions): Promise<EventFeed> {
    const used = EVENT_NAMES.filter((name) =>
      jobs.some(({ when }) => when.some((each) => each.kind === 'event' && each.event === name)),
    );
    return new EventFeed(
      await Promise.all(used.map(async (event) => ({ event, followed: await EVENTS[event](options) }))),
    );
  }

  /** What has come, without waiting. */
  async poll(): Promise<readonly Met[]> {
    const met: Met[] = [];
    for (const { event, followed } of this.#feeds) {
      for (const { cause, nextOffset } of await followed.poll()) {
        met.push({ event, cause, positions: [{ topic: followed.topic, partition: 0, offset: nextOffset }] });
      }
    }
    return met;
  }

  get positions(): readonly OffsetCommit[] {
    return this.#feeds.map(({ followed }) => {
      return { topic: followed.topic, partition: 0, offset: followed.position };
    });
  }

  async close(): Promise<void> {
    for (const { followed } of this.#feeds) await followed.close();
  }
}
