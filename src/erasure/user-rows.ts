import { readableRecords, type Topic, TopicReader, textKey, writeRecords } from '#engine';
import { crossKeysOf, featureViews, isOfUser } from '#features';
import type { Log } from '#log';
import { type Clock, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import { type InForce, readInForce, replayGroup } from '#replays';
import type { User } from '#schemas';
import { readViewVersions } from '#view-builds';
import { type ErasureOptions, untilProcessed } from './processed.ts';

const POLL_MS = 200;

/** The user's profile: a tombstone on the topic of users, where there is one. */
export function profileTarget(log: Log, users: Topic<string, User>, clock: Clock): EraseTarget {
  return {
    name: 'profile',
    erase: async (pseudonym) => {
      const where = `topic ${users.name}`;
      let isThere = false;
      for await (const records of readableRecords(log, keysOnly(users))) {
        for (const { key, value } of records) if (key === pseudonym) isThere = value !== null;
      }
      if (!isThere) return { where, rows: 0 };
      await writeRecords(log, users, [{ key: pseudonym, value: null, timestamp: clock.now() }]);
      return { where, rows: 1 };
    },
  };
}

/**
 * The rows of the user in every version of every view. The tasks that keep them delete them when they read that the user
 * is erased; this waits until the topics say so. RetryableError MR_PRIVACY_VIEWS_REMAIN where they do not in time.
 */
export function viewRowsTarget(options: ErasureOptions): EraseTarget {
  const { log, topics, clock, patienceMs, signal } = options;
  return {
    name: 'views',
    erase: async (pseudonym) => {
      await untilProcessed(options);
      const until = clock.monotonic() + patienceMs;
      const ofViews = await viewTopics(log, topics);
      let count = 0;
      for (const topic of ofViews) {
        const reader = await TopicReader.open(log, topic, { from: 'start' });
        const met = new Set<string>();
        const left = new Set<string>();
        try {
          while (!reader.isAtEnd || left.size > 0) {
            signal.throwIfAborted();
            if (reader.isAtEnd && clock.monotonic() > until) throw remain(topic.name);
            for (const { key, value } of await reader.poll(POLL_MS)) {
              if (!isOf(key, pseudonym)) continue;
              if (value === null) left.delete(key);
              else for (const each of [met, left]) each.add(key);
            }
          }
        } finally {
          await reader.close();
        }
        count += met.size;
      }
      return { where: `topics ${ofViews.map(({ name }) => name).join(', ')}`, rows: count };
    },
  };
}

/** The rows of a user by the topic of their view: those deleted since included, where the topics still say so. */
export async function rowsInViews(
  { log, topics }: Pick<ErasureOptions, 'log' | 'topics'>,
  pseudonym: string,
): Promise<readonly { readonly topic: string; readonly key: string }[]> {
  const found: { topic: string; key: string }[] = [];
  for (const topic of await viewTopics(log, topics)) {
    const keys = new Set<string>();
    for await (const records of readableRecords(log, topic)) {
      for (const { key } of records) if (isOf(key, pseudonym)) keys.add(key);
    }
    for (const key of keys) found.push({ topic: topic.name, key });
  }
  return found;
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
  topics: ErasureOptions['topics'],
): Promise<readonly Topic<string, unknown>[]> {
  const written = (await readViewVersions({ log, topics })).values();
  const names = new Set([...featureViews, ...written].filter(isOfUser).map(({ name }) => name));
  const described = await log.describeTopics();
  // Only replays that answers come from, or may return to, are kept up to date.
  const copies = [...(await readInForce(log)).values()].flatMap(copiesOf);
  const original = (topic: string) => {
    const copy = copies.find((prefix) => topic.startsWith(prefix));
    return copy === undefined ? topic : topic.slice(copy.length);
  };
  return described
    .filter(({ name }) => names.has(original(name).replace(/-\d+(-rows)?$/, '')))
    .map(({ name, partitions, cleanup }) => keysOnly({ name, partitions, cleanup }));
}

/** What the names of topics of replays begin with. */
function copiesOf({ of, shadow, kept }: InForce): readonly string[] {
  const generation = /\d+$/.exec(of)?.[0] ?? '';
  const names = [...(shadow === null ? [] : [shadow]), ...kept.map((each) => each.shadow)];
  return names.map((name) => `${replayGroup({ name, generation: Number(generation) })}-`);
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
