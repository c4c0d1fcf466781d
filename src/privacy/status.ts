import { type Topic, TopicReader, writeRecords } from '#engine';
import type { Log } from '#engine/log';
import { InputError } from '#platform';
import type { PrivacyStatus, UserPrivacy } from '#schemas';

export type PrivacyTopic = Topic<string, UserPrivacy>;

/**
 * Resolves when the decision is durable. It is kept from the next event on that admission takes. Nothing is decided any
 * more over one who is erased: InputError MR_PRIVACY_ERASED, also where the erasure is begun at the same moment.
 */
export async function writePrivacyStatus(log: Log, topic: PrivacyTopic, value: UserPrivacy): Promise<void> {
  const record = { key: value.user_id, value, timestamp: value.ts };
  if (value.status === 'erased') return writeRecords(log, topic, [record]);
  if (await isErased(log, topic, value.user_id)) throw erased();
  await writeRecords(log, topic, [record]);
  if (!(await isErased(log, topic, value.user_id))) return;
  await writeRecords(log, topic, [{ ...record, value: { ...value, status: 'erased' } }]);
  throw erased();
}

/** The pseudonyms of those who are not opted in, as of now: they have opted out or were erased. */
export async function excludedUsers(log: Log, topic: PrivacyTopic): Promise<ReadonlySet<string>> {
  return new Set((await decisions(log, topic)).keys());
}

async function isErased(log: Log, topic: PrivacyTopic, userId: string): Promise<boolean> {
  return (await decisions(log, topic)).get(userId) === 'erased';
}

/** Of those who are not opted in. Not the newest record of each key alone: an erasure is final. */
async function decisions(log: Log, topic: PrivacyTopic): Promise<ReadonlyMap<string, PrivacyStatus>> {
  const statuses = new Map<string, PrivacyStatus>();
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  try {
    for await (const records of reader.untilEnd()) {
      for (const { key, value } of records) {
        if (statuses.get(key) === 'erased') continue;
        if (value === null || value.status === 'opted_in') statuses.delete(key);
        else statuses.set(key, value.status);
      }
    }
  } finally {
    await reader.close();
  }
  return statuses;
}

function erased(): InputError {
  return new InputError('MR_PRIVACY_ERASED', 'The user is erased, or is being erased.', {
    hint: 'Wait until the erasure is done: who comes back after it is a new user, and can decide anew.',
  });
}
