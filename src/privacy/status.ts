import { type Topic, TopicReader, TopicWriter } from '#engine';
import type { Log } from '#engine/log';
import type { UserPrivacy } from '#schemas';

export type PrivacyTopic = Topic<string, UserPrivacy>;

/** Resolves when the decision is durable. It is kept from the next event on that admission takes. */
export async function writePrivacyStatus(log: Log, topic: PrivacyTopic, value: UserPrivacy): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  try {
    await writer.write([{ key: value.user_id, value, timestamp: value.ts }]);
  } finally {
    await writer.close();
  }
}

/** The pseudonyms of those who are not opted in, as of now: they have opted out or were erased. */
export async function excludedUsers(log: Log, topic: PrivacyTopic): Promise<ReadonlySet<string>> {
  const excluded = new Set<string>();
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  try {
    for await (const records of reader.untilEnd()) {
      for (const { key, value } of records) {
        if (value === null || value.status === 'opted_in') excluded.delete(key);
        else excluded.add(key);
      }
    }
  } finally {
    await reader.close();
  }
  return excluded;
}
