import { backoffMs, errorCode, FatalError } from '#platform';
import { corruptBatch, offsetOutOfRange, unknownTopic } from '../../errors.ts';
import type { TopicPartition } from '../../port.ts';
import { listOffsets } from '../topics/list-offsets.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError, errorName, isPassing, translatedError } from '../wire/kafka-errors.ts';
import { Outages } from './outages.ts';
import { type Reading, UNKNOWN_EPOCH } from './reading.ts';

/** Where to fetch a partition. */
export type Place = { readonly broker: number; readonly topicId: string; readonly leaderEpoch: number };

const BACKOFF = { firstMs: 20, longestMs: 1_000 };
/** A topic that has just been created is not known everywhere at once. */
const UNKNOWN_PAUSE_MS = 200;
const TIMES_UNKNOWN = 2;
/** A leader that moves is found within a few tries: only after more of them it is an outage. */
const TRIES_BEFORE_OUTAGE = 5;

/** Kafka's table says that it passes; the damage is on the broker's disk, and its reader has to know. */
const CORRUPT = 'CORRUPT_MESSAGE';
const OUT_OF_RANGE = 'OFFSET_OUT_OF_RANGE';
/** Not in the table: a broker that has failed inside, on one request. */
const mayPass = (error: unknown) => isPassing(error) || errorName(error) === 'UNKNOWN_SERVER_ERROR';

const topicReplaced = (topic: string) =>
  new FatalError('MR_LOG_TOPIC_REPLACED', `topic ${topic} was deleted and recreated while being read`, {
    hint: 'positions are meaningless in the new topic: discard what was derived from the old one and start over',
  });

const cutBack = ({ assigned, nextOffset }: Reading, end: number) =>
  new FatalError(
    'MR_LOG_OFFSET_OUT_OF_RANGE',
    `${assigned.topic}/${assigned.partition} was read up to offset ${nextOffset}, and then cut back to ${end}`,
    {
      hint: 'a replica that lacked records has become leader: discard what was derived from them and start over',
    },
  );

const nameOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

/** Finds the leaders of partitions, and decides what becomes of a partition whose request has failed. */
export class Recovery {
  readonly #cluster: Cluster;
  readonly #signal: AbortSignal;
  readonly #onChange: () => void;
  readonly #outages: Outages;

  /** `onChange`: a partition may be fetched again, or has failed. `signal` ends all that is under way. */
  constructor(cluster: Cluster, signal: AbortSignal, onChange: () => void) {
    this.#cluster = cluster;
    this.#signal = signal;
    this.#onChange = onChange;
    this.#outages = new Outages(cluster);
  }

  /** The place as the metadata has it; undefined while it is being looked for, or when the partition has failed. */
  locate(reading: Reading): Place | undefined {
    const { topic, partition } = reading.assigned;
    const metadata = this.#cluster.cachedTopic(topic);
    const broker = metadata?.leaders[partition];
    if (metadata === undefined || broker === undefined) {
      this.#start([reading], 0);
      return undefined;
    }
    if (reading.topicId !== undefined && reading.topicId !== metadata.id) {
      reading.fail(topicReplaced(topic));
      return undefined;
    }
    if (broker < 0) {
      this.#retryRefused(reading, new BrokerError('LEADER_NOT_AVAILABLE', nameOf(reading.assigned)));
      return undefined;
    }
    return { broker, topicId: metadata.id, leaderEpoch: metadata.leaderEpochs[partition] ?? UNKNOWN_EPOCH };
  }

  /** The broker has answered for the partition. */
  answered(broker: number, reading: Reading): void {
    reading.tries = 0;
    reading.timesUnknown = 0;
    this.#outages.ended(`broker ${broker}`);
    this.#outages.ended(nameOf(reading.assigned));
  }

  /** A request has had no answer, or one that refuses it as a whole. */
  unanswered(broker: number, readings: readonly Reading[], error: unknown): void {
    if (mayPass(error)) {
      this.#outages.began(`broker ${broker}`, error);
      // It may only be a connection that was dropped for being idle; a broker that has never answered is unavailable.
      for (const reading of readings) {
        if (reading.answeredAt < 0) reading.awaitedUntil = Number.NEGATIVE_INFINITY;
      }
      this.#retry(readings);
    } else {
      for (const reading of readings) reading.fail(translatedError(error, 'fetching'));
    }
  }

  /** The broker refuses one partition. */
  refused(reading: Reading, error: BrokerError): void {
    const { assigned, nextOffset } = reading;
    if (error.apiName === OUT_OF_RANGE) void this.#checkRange(reading);
    else if (error.apiName === CORRUPT) {
      reading.fail(corruptBatch(`${nameOf(assigned)} offset ${nextOffset}`, 'the broker says so'));
    } else if (mayPass(error)) this.#retryRefused(reading, error);
    else reading.fail(translatedError(error, `fetching ${nameOf(assigned)}`));
  }

  /** The log before the position is not what was read. */
  diverged(reading: Reading, end: number): void {
    reading.fail(cutBack(reading, end));
  }

  #retryRefused(reading: Reading, error: unknown): void {
    this.#retry([reading]);
    if (reading.tries === TRIES_BEFORE_OUTAGE) this.#outages.began(nameOf(reading.assigned), error);
  }

  /** Fetches the metadata with back-off, then lets the partitions be fetched again. */
  #retry(readings: readonly Reading[]): void {
    let tries = 0;
    for (const reading of readings) {
      reading.tries++;
      tries = Math.max(tries, reading.tries);
      if (reading.tries > 1) reading.awaitedUntil = Number.NEGATIVE_INFINITY;
    }
    this.#start(readings, backoffMs({ ...BACKOFF, random: this.#cluster.random }, tries));
  }

  #start(readings: readonly Reading[], pauseMs: number): void {
    for (const reading of readings) reading.isRecovering = true;
    void this.#recover(readings, pauseMs);
  }

  async #recover(readings: readonly Reading[], pauseMs: number): Promise<void> {
    await this.#cluster.clock.sleep(pauseMs, this.#signal);
    const topics = Map.groupBy(readings, ({ assigned }) => assigned.topic);
    await Promise.all([...topics].map(([topic, group]) => this.#refresh(topic, group)));
    if (!this.#signal.aborted) this.#onChange();
  }

  async #refresh(topic: string, readings: readonly Reading[]): Promise<void> {
    if (this.#signal.aborted) return;
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#cluster.refresh([topic]);
    } catch (error) {
      failure = { error };
    }
    const unknown: Reading[] = [];
    for (const reading of readings) {
      reading.isRecovering = false;
      if (failure === undefined) {
        if (this.#isUnknown(reading)) unknown.push(reading);
      } else if (errorCode(failure.error) !== 'MR_LOG_UNAVAILABLE') {
        reading.fail(translatedError(failure.error, `fetching ${topic}`));
      }
    }
    if (unknown.length > 0) this.#start(unknown, UNKNOWN_PAUSE_MS);
    if (failure === undefined) this.#outages.ended(`topic ${topic}`);
    // After a request has failed, its broker was named already.
    else if (readings.every(({ tries }) => tries === 0)) this.#outages.began(`topic ${topic}`, failure.error);
  }

  /** Whether the brokers have to be asked once more; a partition that they have not known again has failed. */
  #isUnknown(reading: Reading): boolean {
    const { topic, partition } = reading.assigned;
    const metadata = this.#cluster.cachedTopic(topic);
    if (metadata?.leaders[partition] !== undefined) {
      reading.timesUnknown = 0;
      return false;
    }
    if (++reading.timesUnknown < TIMES_UNKNOWN) return true;
    reading.fail(unknownTopic(topic, metadata === undefined ? undefined : partition));
    return false;
  }

  /** Brokers say "out of range" also when they have lost track of epochs: their own word on the range decides. */
  async #checkRange(reading: Reading): Promise<void> {
    const { assigned, nextOffset } = reading;
    reading.isRecovering = true;
    try {
      const [[start = 0], [end = 0]] = await Promise.all([
        listOffsets(this.#cluster, [assigned], 'start'),
        listOffsets(this.#cluster, [assigned], 'end'),
      ]);
      reading.isRecovering = false;
      if (nextOffset >= start && nextOffset <= end && Number.isSafeInteger(nextOffset)) {
        reading.lastEpoch = UNKNOWN_EPOCH;
        this.#retryRefused(reading, new BrokerError(OUT_OF_RANGE, nameOf(assigned)));
      } else reading.fail(offsetOutOfRange(assigned, nextOffset, start, end));
    } catch (error) {
      reading.isRecovering = false;
      // An unknown topic is looked for once more, as after any other refusal.
      const isLookedFor = ['MR_LOG_UNAVAILABLE', 'MR_LOG_UNKNOWN_TOPIC'].includes(errorCode(error) ?? '');
      if (isLookedFor) this.#retryRefused(reading, error);
      else reading.fail(error);
    }
    if (!this.#signal.aborted) this.#onChange();
  }
}
