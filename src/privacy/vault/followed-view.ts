import { type Topic, TopicReader } from '#engine';
import type { Log, ProducerRecord } from '#log';
import { Backoff, type Clock, type Logger, RetryableError } from '#platform';
import type { VaultRecord } from '#schemas';
import type { Erased } from '../erasure.ts';
import type { Change } from './keyring.ts';
import { LOOKUP_RECORD, type SealedKey, type VaultChange, type VaultView } from './vault-view.ts';
import { VaultWriter } from './vault-writer.ts';

const POLL_MS = 250;
const LOOK_MS = 5;
/** Records that the view has already and that are skipped instead of read again: after an import, all of them. */
const SKIPPED = 1_000;

export type VaultTopic = Topic<string, VaultRecord>;

export type FollowedViewOptions = {
  readonly log: Log;
  readonly topic: VaultTopic;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patienceMs: number;
  /** Removes tombstones' keys from the log's own files; where brokers have the files, they do. */
  readonly scrubLog?: (() => Promise<Erased>) | undefined;
  /** Called after users were forgotten, in whatever process. */
  readonly onForgotten: () => void;
};

/**
 * Topic `vault` and its view on disk, held together: changes go to the topic and then into the view, and what other processes
 * write is read in the background.
 */
export class FollowedView {
  readonly view: VaultView;
  readonly #options: FollowedViewOptions;
  readonly #writer: VaultWriter;
  readonly #stopping = new AbortController();
  #reader: TopicReader<string, VaultRecord> | undefined;
  #undecodable: VaultChange[] = [];
  #reading: Promise<void> | undefined;
  #following: Promise<void> = Promise.resolve();

  constructor(view: VaultView, options: FollowedViewOptions) {
    this.view = view;
    this.#options = options;
    const { log, topic, clock, patienceMs } = options;
    const catchUp = () => this.catchUp();
    const { signal } = this.#stopping;
    this.#writer = new VaultWriter({ log, topic: topic.name, view, clock, patienceMs, catchUp, signal });
  }

  /** Writes what `decide` makes of the view, which has it when this resolves. Errors: those of VaultWriter.change. */
  change(decide: () => readonly Change[]): Promise<void> {
    const { topic, clock } = this.#options;
    let changes: readonly Change[] = [];
    return this.#writer.change(
      () => {
        changes = decide();
        const timestamp = clock.now();
        return changes.map(({ key, value }): ProducerRecord => {
          return { key: Buffer.from(key), value: value && topic.value.encode(value), timestamp };
        });
      },
      ({ baseOffset, from, next }) => {
        const applied = changes.map((change, i) => ({ ...change, offset: baseOffset + i }));
        this.#apply(applied, { from, next });
      },
    );
  }

  /** Resolves with the end of the topic when the view has all of it up to there. */
  async catchUp(): Promise<number> {
    const { log, topic } = this.#options;
    // Asked of the log itself: a consumer may know of an end that is some ms old.
    const [description] = await log.describeTopics([topic.name]);
    const end = description?.offsets[0]?.stable ?? 0;
    while (this.view.position < end) await this.#readOn(LOOK_MS);
    return end;
  }

  /** From here on until `close`, what other processes write comes into the view. */
  follow(): void {
    this.#following = this.#follow();
  }

  /** Empties a view of another log's topic, or of this one's before it was restored, or so old that it may miss a tombstone. */
  async resetIfForeign(): Promise<void> {
    const { log, topic, clock } = this.#options;
    const { position, readAt, lookup } = this.view;
    if (position === 0) return;
    const [description] = await log.describeTopics([topic.name]);
    const end = description?.offsets[0]?.stable ?? 0;
    const { cleanup } = topic;
    const keptMs = cleanup.policy === 'compact' ? cleanup.tombstoneRetentionMs : Number.POSITIVE_INFINITY;
    const isOld = clock.now() - readAt > keptMs / 2;
    if (position <= end && !isOld && (lookup === undefined || (await this.#isOnTopic(lookup)))) return;
    this.view.reset();
  }

  /** Reads the topic from its start for rows that are not as it has them; those that it does not have are dropped. */
  async readAgain(damaged: ReadonlySet<string>): Promise<void> {
    const gone = new Set(damaged);
    const reader = await this.#open(0);
    try {
      for await (const records of reader.untilEnd()) {
        for (const { key, value } of records) if (value !== null) gone.delete(key);
        const changes = records.map(({ key, offset, value }) => ({ key, offset, value }));
        this.view.apply(changes, { from: Number.POSITIVE_INFINITY, next: 0 }, this.#options.clock.now());
      }
    } finally {
      await reader.close();
    }
    this.view.drop(gone);
  }

  /** Leaves no byte of forgotten keys in the files of this directory. Errors: MR_PRIVACY_VAULT_BUSY; those of the log. */
  async scrub(): Promise<Erased | undefined> {
    const { count } = this.view.forgotten;
    const erased = await this.#options.scrubLog?.();
    if (!this.view.truncateLog()) {
      throw new RetryableError(
        'MR_PRIVACY_VAULT_BUSY',
        `${this.view.path} is being read by another process.`,
        {
          hint: 'A forgotten key is still in its write-ahead log: the next command cuts it off.',
        },
      );
    }
    this.view.setScrubbed(count);
    return erased;
  }

  /** Stops following; a change that was begun goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#reader?.close().catch(() => {});
    await this.#following;
  }

  /** Resolves after the last change that was begun. */
  closeWriter(): Promise<void> {
    return this.#writer.close();
  }

  #apply(changes: readonly VaultChange[], range: { readonly from: number; readonly next: number }): void {
    const forgotten = this.view.apply(changes, range, this.#options.clock.now());
    if (forgotten > 0) this.#options.onForgotten();
  }

  async #follow(): Promise<void> {
    const { clock, logger, scrubLog } = this.#options;
    const { signal } = this.#stopping;
    const backoff = new Backoff(clock, { firstMs: 100, longestMs: 10_000, random: Math.random });
    while (!signal.aborted) {
      try {
        await this.#readOn(POLL_MS);
        const { count, scrubbed } = this.view.forgotten;
        // Another process erased them, and cleans the embedded log's files itself.
        if (count > scrubbed && scrubLog === undefined) await this.scrub();
        backoff.reset();
      } catch (err) {
        if (signal.aborted) return;
        logger.warn({ err }, 'the vault of pseudonyms cannot be followed: new users of other processes wait');
        await backoff.wait(signal);
      }
    }
  }

  #readOn(timeoutMs: number): Promise<void> {
    this.#reading ??= this.#poll(timeoutMs).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #poll(timeoutMs: number): Promise<void> {
    let [from = -1] = this.#reader?.positions ?? [];
    const { position } = this.view;
    // What this process or another one of the directory has put there needs no reading.
    if (this.#reader === undefined || from > position || position - from > SKIPPED) {
      await this.#reader?.close();
      this.#reader = await this.#open(position);
      from = position;
    }
    const records = await this.#reader.poll(timeoutMs);
    const [next = from] = this.#reader.positions;
    if (next === from) return;
    const changes: VaultChange[] = records.map(({ key, offset, value }) => ({ key, offset, value }));
    this.#apply([...changes, ...this.#undecodable.splice(0)], { from, next });
  }

  #open(from: number): Promise<TopicReader<string, VaultRecord>> {
    const { log, topic } = this.#options;
    return TopicReader.open(log, topic, {
      from: [from],
      onUndecodable: (record, error) => {
        topic.onUndecodable?.(record, error);
        if (record.key === null) return;
        this.#undecodable.push({ key: record.key, offset: record.offset, value: 'unreadable' });
      },
    });
  }

  async #isOnTopic({ offset, sealed }: SealedKey): Promise<boolean> {
    const reader = await this.#open(offset);
    try {
      while (!reader.isAtEnd) {
        const [first] = await reader.poll(LOOK_MS);
        if (first === undefined) continue;
        return first.key === LOOKUP_RECORD && first.value?.sealed.equals(sealed) === true;
      }
      return false;
    } finally {
      this.#undecodable = [];
      await reader.close();
    }
  }
}
