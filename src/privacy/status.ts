import { type OnUndecodable, type Topic, TopicReader, writeRecords } from '#engine';
import type { Log } from '#log';
import { InputError } from '#platform';
import type { UserPrivacy } from '#schemas';
import { Decisions } from './decisions.ts';

export type PrivacyTopic = Topic<string, UserPrivacy>;

const POLL_MS = 5;

/** Topic `privacy` read as of now, again and again: each look reads only what has come since the one before. */
export class PrivacyDecisions {
  readonly #log: Log;
  readonly #topic: PrivacyTopic;
  readonly #reader: TopicReader<string, UserPrivacy>;
  readonly #decisions: Decisions;
  #looking: Promise<unknown> = Promise.resolve();

  private constructor(
    log: Log,
    topic: PrivacyTopic,
    reader: TopicReader<string, UserPrivacy>,
    decisions: Decisions,
  ) {
    this.#decisions = decisions;
    this.#log = log;
    this.#topic = topic;
    this.#reader = reader;
  }

  static async open(log: Log, topic: PrivacyTopic): Promise<PrivacyDecisions> {
    const decisions = new Decisions();
    const onUndecodable: OnUndecodable = (record, error) => {
      topic.onUndecodable?.(record, error);
      if (record.key !== null) decisions.noteUndecodable(record.key);
    };
    const reader = await TopicReader.open(log, topic, { from: 'start', onUndecodable });
    return new PrivacyDecisions(log, topic, reader, decisions);
  }

  /**
   * Resolves when the decision is durable. It is kept from the next event on that admission takes. Nothing is decided any
   * more over one who is erased: InputError MR_PRIVACY_ERASED, also where the erasure is begun at the same moment.
   */
  async decide(value: UserPrivacy): Promise<void> {
    const write = (record: UserPrivacy) =>
      writeRecords(this.#log, this.#topic, [{ key: record.user_id, value: record, timestamp: record.ts }]);
    const isErased = async () => (await this.current()).of(value.user_id) === 'erased';
    if (await isErased()) throw erased();
    await write(value);
    if (!(await isErased())) return;
    await write({ ...value, status: 'erased' });
    throw erased();
  }

  /** What is decided at the time of the call. */
  current(): Promise<Decisions> {
    const looking = this.#looking.then(() => this.#readOn());
    this.#looking = looking.catch(() => {});
    return looking;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #readOn(): Promise<Decisions> {
    // Asked of the log itself: a consumer may know of an end that is some ms old.
    const [description] = await this.#log.describeTopics([this.#topic.name]);
    const ends = (description?.offsets ?? []).map(({ stable }) => stable);
    while (ends.some((end, partition) => (this.#reader.positions[partition] ?? 0) < end)) {
      for (const record of await this.#reader.poll(POLL_MS)) this.#decisions.note(record);
    }
    return this.#decisions;
  }
}

/** PrivacyDecisions of one decision; an erasure is written whatever was decided before. */
export async function writePrivacyStatus(log: Log, topic: PrivacyTopic, value: UserPrivacy): Promise<void> {
  if (value.status === 'erased') {
    return writeRecords(log, topic, [{ key: value.user_id, value, timestamp: value.ts }]);
  }
  return once(log, topic, (decisions) => decisions.decide(value));
}

/** The pseudonyms of those who are not opted in, as of now: they have opted out or were erased. */
export async function excludedUsers(log: Log, topic: PrivacyTopic): Promise<ReadonlySet<string>> {
  return once(log, topic, async (decisions) => (await decisions.current()).excluded);
}

async function once<T>(
  log: Log,
  topic: PrivacyTopic,
  use: (decisions: PrivacyDecisions) => Promise<T>,
): Promise<T> {
  const decisions = await PrivacyDecisions.open(log, topic);
  try {
    return await use(decisions);
  } finally {
    await decisions.close();
  }
}

function erased(): InputError {
  return new InputError('MR_PRIVACY_ERASED', 'The user is erased, or is being erased.', {
    hint: 'Wait until the erasure is done: a user who comes back afterwards is a new one, who can opt in or out.',
  });
}
