/** The events that can begin a job, by name. */
import { type Topic, TopicReader } from '#engine';
import type { Log } from '#log';
import type { Logger } from '#platform';
import type { Snapshot, Version } from '#schemas';
import type { Topics } from '#topologies';
import type { EventName } from './event-names.ts';

type EventTopics = Pick<Topics, 'versions' | 'snapshots'>;

export type FollowOptions = {
  readonly log: Log;
  readonly topics: EventTopics;
  readonly logger: Logger;
  /** Whose position is gone on from; where it has none, from the end: the past is no news. */
  readonly group: string;
};

/** An event, and the offset after it. */
type Met = { readonly cause: string; readonly nextOffset: number };

export interface Followed {
  readonly topic: string;
  readonly position: number;
  /** What has come, without waiting. */
  poll(): Promise<readonly Met[]>;
  close(): Promise<void>;
}

type Follow = (options: FollowOptions) => Promise<Followed>;

/** `causeOf`: what the event is called in the history; undefined for a record that is no such event. */
function eventOn<V>(
  topicOf: (topics: EventTopics) => Topic<string, V>,
  causeOf: (value: V) => string | undefined,
): Follow {
  return async ({ log, topics, logger, group }) => {
    const topic = topicOf(topics);
    const [committed] = await log.committedOffsets(group, [{ topic: topic.name, partition: 0 }]);
    const reader = await TopicReader.open(log, topic, {
      from: committed == null ? 'end' : [committed.offset],
      onUndecodable: (at, err) => logger.error({ ...at, err }, 'an undecodable record is skipped'),
    });
    return {
      topic: topic.name,
      get position() {
        return reader.positions[0] ?? 0;
      },
      poll: async () =>
        (await reader.poll(0)).flatMap(({ value, offset }) => {
          const cause = value === null ? undefined : causeOf(value);
          return cause === undefined ? [] : [{ cause, nextOffset: offset + 1 }];
        }),
      close: () => reader.close(),
    };
  };
}

const promoted = eventOn<Version>(
  ({ versions }) => versions,
  ({ status, version }) => (status === 'promoted' ? `version ${version} promoted` : undefined),
);

const snapshot = eventOn<Snapshot>(
  ({ snapshots }) => snapshots,
  ({ snapshot_id }) => `snapshot ${snapshot_id} taken`,
);

export const EVENTS: Readonly<Record<EventName, Follow>> = { promoted, snapshot };
