import {
  type ActivePlace,
  asActiveMember,
  deadLetterOf,
  TopicReader,
  type TopicRecord,
  writeRecords,
} from '#engine';
import type { Log } from '#log';
import {
  Backoff,
  type Clock,
  type Counter,
  InputError,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import type { Version, VersionStatus } from '#schemas';
import type { Topics } from '#topologies';
import { bodyOf, deliveryId, type NotificationFormat, signatureOf } from './message.ts';

export type NotifierOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'versions' | 'dead-letters'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** This process's name among those that notify: of several one does. */
  readonly instanceId: string;
  readonly url: string;
  readonly format: NotificationFormat;
  /** Undefined: not signed. */
  readonly secret: string | undefined;
  readonly statuses: readonly VersionStatus[];
  /** The pause before the first repetition, ms, which doubles with each. */
  readonly firstPauseMs?: number;
};

export const NOTIFICATIONS_GROUP = 'notifications';
const POLL_MS = 1_000;
const BACKOFF = { firstMs: 1_000, longestMs: 300_000 };
const TIMEOUT_MS = 10_000;

/**
 * Posts steps in the life of versions to a webhook until `signal` aborts. Each is posted at least once, in the order of
 * the topic: the position of group `notifications` is committed behind what was taken, and what can't be delivered is
 * tried again with growing pauses. What the receiver refuses (4xx) goes to the dead letters. It begins with what happens
 * after its first start.
 */
export async function notify(options: NotifierOptions, signal: AbortSignal): Promise<void> {
  const help = 'Notifications of versions, by outcome.';
  const outcomes = options.metrics.counter('notifications_total', help, ['outcome']);
  const { versions } = options.topics;
  const membership = { ...options, group: NOTIFICATIONS_GROUP, committedTopics: [versions.name] };
  await asActiveMember(membership, signal, (place) => new Notifier(options, place, outcomes).run());
}

class Notifier {
  readonly #options: NotifierOptions;
  readonly #place: ActivePlace;
  readonly #outcomes: Counter<'outcome'>;

  constructor(options: NotifierOptions, place: ActivePlace, outcomes: Counter<'outcome'>) {
    this.#options = options;
    this.#place = place;
    this.#outcomes = outcomes;
  }

  async run(): Promise<void> {
    const { log, topics } = this.#options;
    const { signal } = this.#place;
    const reader = await TopicReader.open(log, topics.versions, { from: await this.#begin() });
    try {
      while (!signal.aborted) {
        for (const record of await reader.poll(POLL_MS)) {
          if (record.value !== null && !(await this.#deliver(record, record.value))) return;
          await this.#commit(record.offset + 1);
        }
      }
    } finally {
      await reader.close();
    }
  }

  /** Where the group has come; its first member begins at the end, or the whole past would be news. */
  async #begin(): Promise<'end' | readonly number[]> {
    const { log, topics } = this.#options;
    const at = { topic: topics.versions.name, partition: 0 };
    const [committed] = await log.committedOffsets(NOTIFICATIONS_GROUP, [at]);
    if (committed != null) return this.#place.positions([at]);
    const [described] = await log.describeTopics([topics.versions.name]);
    const end = described?.offsets[0]?.stable ?? 0;
    await this.#commit(end);
    return [end];
  }

  /** False where it was given up because the place is lost, or the notifier is to stop. */
  async #deliver(record: TopicRecord<string, Version>, step: Version): Promise<boolean> {
    const { statuses, clock, logger, firstPauseMs = BACKOFF.firstMs } = this.#options;
    const { signal } = this.#place;
    if (!statuses.includes(step.status)) return true;
    const backoff = new Backoff(clock, { ...BACKOFF, firstMs: firstPauseMs });
    while (!signal.aborted) {
      try {
        await this.#post(step);
        this.#outcomes.inc({ outcome: 'delivered' });
        return true;
      } catch (error) {
        if (error instanceof InputError) {
          await this.#bury(record, error);
          return true;
        }
        if (signal.aborted) break;
        this.#outcomes.inc({ outcome: 'failed' });
        const pauseMs = backoff.failed();
        logger.warn({ err: error, version: step.version, pauseMs }, 'a notification is retried');
        await clock.sleep(pauseMs, signal);
      }
    }
    return false;
  }

  async #post(step: Version): Promise<void> {
    const { url, format, secret, clock } = this.#options;
    const body = bodyOf(step, format);
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const headers = {
      'content-type': 'application/json',
      'x-millrace-delivery': deliveryId(step),
      'x-millrace-timestamp': timestamp,
      ...(secret !== undefined && { 'x-millrace-signature': signatureOf(secret, timestamp, body) }),
    };
    const signal = AbortSignal.any([this.#place.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' }).catch(
      (cause: unknown) => {
        throw undelivered('does not answer', cause);
      },
    );
    await response.body?.cancel();
    if (response.ok) return;
    const { status } = response;
    if (status >= 500 || status === 408 || status === 429) throw undelivered(`answers ${status}`);
    throw new InputError(
      'MR_NOTIFICATION_REFUSED',
      `The receiver of notifications responded with ${status}.`,
      {
        hint: 'Correct notifications.url, notifications.secret or notifications.format.',
      },
    );
  }

  async #bury(record: TopicRecord<string, Version>, error: InputError): Promise<void> {
    const { log, topics, logger } = this.#options;
    const { offset, key, timestamp } = record;
    this.#outcomes.inc({ outcome: 'refused' });
    logger.error({ version: key, code: error.code, offset }, error.message);
    const value = deadLetterOf(topics.versions, record, NOTIFICATIONS_GROUP, error);
    await writeRecords(log, topics['dead-letters'], [{ key: topics.versions.name, value, timestamp }]);
  }

  #commit(offset: number): Promise<void> {
    return this.#place.commit([{ topic: this.#options.topics.versions.name, partition: 0, offset }]);
  }
}

function undelivered(why: string, cause?: unknown): RetryableError {
  return new RetryableError('MR_NOTIFICATION_UNDELIVERED', `The receiver of notifications ${why}.`, {
    hint: 'It is retried with back-off.',
    ...(cause !== undefined && { cause }),
  });
}
