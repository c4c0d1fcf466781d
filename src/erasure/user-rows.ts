import { type Topic, TopicReader, textKey, writeRecords } from '#engine';
import { crossKeysOf, featureViews, isOfUser } from '#features';
import type { Log } from '#log';
import { type Clock, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import type { User } from '#schemas';
import type { Topics } from '#topologies';
import { readViewVersions } from '#view-builds';

const pollMs = 200;

/** Keys of a user's rows on a compacted topic, with whether a row is there. */
type RowsOfUser = ReadonlyMap<string, boolean>;

/** The user's profile: a tombstone on the topic of users, where there is one. */
export function profileTarget(log: Log, users: Topic<string, User>, clock: Clock): EraseTarget {
  return {
    name: 'profile',
    erase: async (pseudonym) => {
      const where = `topic ${users.name}`;
      const reader = await TopicReader.open(log, keysOnly(users), { from: 'start' });
      const rows = new RowsReader(reader, (key) => key === pseudonym);
      try {
        await rows.toEnd();
      } finally {
        await reader.close();
      }
      if (!rows.anyLeft) return { where, rows: 0 };
      await writeRecords(log, users, [{ key: pseudonym, value: null, timestamp: clock.now() }]);
      return { where, rows: 1 };
    },
  };
}

export type ViewRowsOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'feature-views'>;
  readonly clock: Clock;
  /** Resolves when the processors have taken what was readable when it was called. */
  readonly untilProcessed: () => Promise<void>;
  /** How long the rows may then take to go, ms. */
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
};

/**
 * The rows of the user in every version of every view. The tasks that keep them delete them when they read that the user
 * is erased; this waits until the topics say so. RetryableError MR_PRIVACY_VIEWS_REMAIN where they do not in time.
 */
export function viewRowsTarget(options: ViewRowsOptions): EraseTarget {
  const { log, topics, clock, untilProcessed, patienceMs, signal } = options;
  return {
    name: 'views',
    erase: async (pseudonym) => {
      await untilProcessed();
      const until = clock.monotonic() + patienceMs;
      const ofViews = await viewTopics(log, topics);
      let count = 0;
      for (const topic of ofViews) {
        const reader = await TopicReader.open(log, topic, { from: 'start' });
        const rows = new RowsReader(reader, (key) => isOf(key, pseudonym));
        try {
          await rows.toEnd();
          while (rows.anyLeft) {
            signal.throwIfAborted();
            if (clock.monotonic() > until) throw remain(topic.name);
            await rows.poll();
          }
        } finally {
          await reader.close();
        }
        count += rows.met;
      }
      return { where: `topics ${ofViews.map(({ name }) => name).join(', ')}`, rows: count };
    },
  };
}

/** The rows of a user by the topic of their view: those deleted since included, where the topics still say so. */
export async function rowsInViews(
  { log, topics }: Pick<ViewRowsOptions, 'log' | 'topics'>,
  pseudonym: string,
): Promise<readonly { readonly topic: string; readonly key: string }[]> {
  const found: { topic: string; key: string }[] = [];
  for (const topic of await viewTopics(log, topics)) {
    const reader = await TopicReader.open(log, topic, { from: 'start' });
    const rows = new RowsReader(reader, (key) => isOf(key, pseudonym));
    try {
      await rows.toEnd();
    } finally {
      await reader.close();
    }
    for (const key of rows.rows.keys()) found.push({ topic: topic.name, key });
  }
  return found;
}

/** Follows the rows of a user on one topic. */
class RowsReader {
  readonly #reader: TopicReader<string, unknown>;
  readonly #isOfUser: (key: string) => boolean;
  readonly #rows = new Map<string, boolean>();
  readonly #met = new Set<string>();

  constructor(reader: TopicReader<string, unknown>, isOfUser: (key: string) => boolean) {
    this.#reader = reader;
    this.#isOfUser = isOfUser;
  }

  async toEnd(): Promise<void> {
    do await this.poll();
    while (!this.#reader.isAtEnd);
  }

  async poll(): Promise<void> {
    for (const { key, value } of await this.#reader.poll(pollMs)) {
      if (!this.#isOfUser(key)) continue;
      this.#rows.set(key, value !== null);
      if (value !== null) this.#met.add(key);
    }
  }

  get anyLeft(): boolean {
    return [...this.#rows.values()].includes(true);
  }

  /** Rows that have been there. */
  get met(): number {
    return this.#met.size;
  }

  get rows(): RowsOfUser {
    return this.#rows;
  }
}

function isOf(key: string, pseudonym: string): boolean {
  return key === pseudonym || key.startsWith(crossKeysOf(pseudonym));
}

/**
 * The topics of all versions of the views whose keys begin with a user, and those of their finished rows, whether they are
 * declared still and whatever is known of their values.
 */
async function viewTopics(
  log: Log,
  topics: ViewRowsOptions['topics'],
): Promise<readonly Topic<string, unknown>[]> {
  const written = (await readViewVersions({ log, topics })).values();
  const names = new Set([...featureViews, ...written].filter(isOfUser).map(({ name }) => name));
  const described = await log.describeTopics();
  return described
    .filter(({ name }) => names.has(name.replace(/-\d+(-rows)?$/, '')))
    .map(({ name, partitions, cleanup }) => keysOnly({ name, partitions, cleanup }));
}

/** A topic read for its keys: values are not decoded, only whether there is one. */
function keysOnly({
  name,
  partitions,
  cleanup,
}: Pick<Topic<string, unknown>, 'name' | 'partitions' | 'cleanup'>): Topic<string, unknown> {
  const value = {
    encode: () => Buffer.alloc(0),
    decode: () => true,
    prepare: async () => {},
    fingerprint: Buffer.alloc(0),
    framing: 0,
  };
  return { name, partitions, cleanup, key: textKey, value };
}

function remain(topic: string): RetryableError {
  return new RetryableError('MR_PRIVACY_VIEWS_REMAIN', `Rows of the user are still on topic ${topic}.`, {
    hint:
      'Check that the processors run ("millrace start") and are not far behind, then erase the user again. A version of a ' +
      'view that is no longer declared keeps its rows until "millrace features drop".',
  });
}
