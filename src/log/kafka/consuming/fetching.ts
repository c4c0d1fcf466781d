import type { Clock } from '#platform';
import type { Assigned } from '../../assignment.ts';
import { type Isolation, readableBatches } from '../records/readable-batches.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError } from '../wire/kafka-errors.ts';
import type { PartitionAnswer } from './fetch-response.ts';
import { survey } from './fetched-records.ts';
import { type Lane, type LaneKind, Lanes } from './lanes.ts';
import type { Reading } from './reading.ts';
import { type Place, Recovery } from './recovery.ts';

/** Least bytes requested of a broker and of a partition, however many there are. */
const LEAST_BYTES = 8 * 1024;
/** The port promises what has become visible within this time, ms: an answer that is older tells nothing of now. */
const FRESH_MS = 10;
/** How long a poll waits beyond its time for the first answer of a partition, and for later ones, ms. */
const FIRST_LOOK_MS = 3_000;
const LOOK_MS = 1_000;
/** A consumer that is not polled for this long, ms, does not fetch on. */
const IDLE_AFTER_MS = 1_000;

export type FetchingOptions = {
  readonly isolation: Isolation;
  /** Bytes of one answer over all partitions. */
  readonly answerBytes: number;
};

type Wanted = { readonly reading: Reading; readonly place: Place };
type Asked = { readonly reading: Reading; readonly offset: number };

/**
 * Keeps requests on their way to all brokers that lead assigned partitions, and what has come until it is polled. Twice
 * `answerBytes` may lie there before it stops asking, so that with the requests under way it holds five times that at most,
 * but for single batches that are larger, and for what answers grow by when they are decompressed.
 */
export class Fetching {
  readonly #clock: Clock;
  readonly #lanes: Lanes;
  readonly #recovery: Recovery;
  readonly #ended = new AbortController();
  readonly #options: FetchingOptions;
  readonly #onArrival: () => void;
  /** The ones that gave something go to the end: a broker fills its answer in the order of the request. */
  readonly #readings = new Map<Assigned, Reading>();
  #polledAt = Number.NEGATIVE_INFINITY;
  /** Fetches nothing more until some of what has arrived is polled. */
  #isFull = false;

  /** `onArrival`: a poll should look again. */
  constructor(cluster: Cluster, options: FetchingOptions, onArrival: () => void) {
    this.#clock = cluster.clock;
    this.#options = options;
    this.#onArrival = onArrival;
    this.#lanes = new Lanes(cluster);
    this.#recovery = new Recovery(cluster, this.#ended.signal, () => this.#changed());
  }

  assign(readings: readonly Reading[]): void {
    for (const reading of this.#readings.values()) reading.isDropped = true;
    this.#readings.clear();
    for (const reading of readings) this.#readings.set(reading.assigned, reading);
  }

  of(assigned: Assigned): Reading | undefined {
    return this.#readings.get(assigned);
  }

  /** Until when a poll has to wait for answers, whatever its own time; in the past when for none. */
  get awaitedUntil(): number {
    let until = Number.NEGATIVE_INFINITY;
    if (this.#isFull) return until;
    for (const { assigned, awaitedUntil } of this.#readings.values()) {
      if (!assigned.paused && awaitedUntil > until) until = awaitedUntil;
    }
    return until;
  }

  /**
   * Asks for what has room. `isLook`, for a poll that begins: of partitions that nothing is known of now the answer is
   * awaited, so that a poll that may not wait still returns what is there.
   */
  ask(isLook = false): void {
    if (this.#ended.signal.aborted) return;
    const now = this.#clock.monotonic();
    if (isLook) this.#polledAt = now;
    const wanted = this.#wanted();
    this.#isFull = wanted.size > 0 && !this.#hasRoom();
    if (this.#isFull) return;
    if (isLook) this.#look(now);
    const bytes = Math.max(LEAST_BYTES, Math.floor(this.#options.answerBytes / wanted.size));
    for (const [broker, partitions] of wanted) {
      const kindOf = ({ reading }: Wanted): LaneKind =>
        reading.awaitedUntil > now || reading.hasMore ? 'at once' : 'waiting';
      for (const [kind, asked] of Map.groupBy(partitions, kindOf)) {
        const lane = this.#lanes.free(broker, kind);
        if (lane !== undefined) void this.#fetch(broker, lane, asked, bytes);
      }
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.assign([]);
    await this.#lanes.close();
  }

  #look(now: number): void {
    for (const reading of this.#readings.values()) {
      if (reading.assigned.paused || reading.isInFlight || reading.hasFailed || !reading.isEmpty) continue;
      if (now - reading.answeredAt > FRESH_MS) {
        reading.awaitAnswer(now, reading.answeredAt < 0 ? FIRST_LOOK_MS : LOOK_MS);
      }
    }
  }

  #wanted(): ReadonlyMap<number, readonly Wanted[]> {
    const wanted: Wanted[] = [];
    const share = this.#options.answerBytes / this.#readings.size;
    for (const reading of this.#readings.values()) {
      if (!reading.isWanted || reading.bufferedBytes >= share) continue;
      const place = this.#recovery.locate(reading);
      if (place !== undefined) wanted.push({ reading, place });
    }
    return Map.groupBy(wanted, ({ place }) => place.broker);
  }

  /** What waits for paused partitions must not keep the others from going on: it is fetched again when they are resumed. */
  #hasRoom(): boolean {
    const most = 2 * this.#options.answerBytes;
    let buffered = 0;
    for (const reading of this.#readings.values()) buffered += reading.bufferedBytes;
    for (const reading of this.#readings.values()) {
      if (buffered < most) return true;
      if (!reading.assigned.paused || reading.hasFailed) continue;
      buffered -= reading.bufferedBytes;
      reading.rewind();
    }
    return buffered < most;
  }

  async #fetch(broker: number, lane: Lane, partitions: readonly Wanted[], maxBytes: number): Promise<void> {
    const { isolation } = this.#options;
    const share = Math.max(LEAST_BYTES, Math.floor(maxBytes / partitions.length));
    const asked = new Map<string, Asked>();
    for (const { reading, place } of partitions) {
      reading.isInFlight = true;
      const { partition } = reading.assigned;
      asked.set(`${place.topicId}/${partition}`, { reading, offset: reading.nextOffset });
    }
    try {
      const answers = await lane.fetch({
        partitions: partitions.map(({ reading, place: { topicId, leaderEpoch } }) => ({
          topicId,
          partition: reading.assigned.partition,
          offset: reading.nextOffset,
          leaderEpoch,
          lastFetchedEpoch: reading.lastEpoch,
          maxBytes: Math.max(share, reading.neededBytes),
        })),
        isolation,
        maxWaitMs: lane.maxWaitMs,
        maxBytes,
      });
      for (const { reading } of asked.values()) reading.isInFlight = false;
      this.#answered(broker, asked, answers);
    } catch (error) {
      for (const { reading } of asked.values()) reading.isInFlight = false;
      const readings = partitions.flatMap(({ reading }) => (reading.isDropped ? [] : [reading]));
      if (!this.#ended.signal.aborted) this.#recovery.unanswered(broker, readings, error);
    }
    this.#changed();
  }

  #answered(broker: number, asked: ReadonlyMap<string, Asked>, answers: readonly PartitionAnswer[]): void {
    const now = this.#clock.monotonic();
    for (const answer of answers) {
      const { reading, offset } = asked.get(`${answer.topicId}/${answer.partition}`) ?? {};
      // The answer belongs to an earlier assignment or position.
      if (reading === undefined || reading.isDropped || reading.nextOffset !== offset) continue;
      if (answer.errorCode !== 0) {
        const { topic, partition } = reading.assigned;
        this.#recovery.refused(reading, new BrokerError(answer.errorCode, `${topic}/${partition}`));
        continue;
      }
      this.#recovery.answered(broker, reading);
      reading.answered(now, answer.topicId);
      if (answer.divergedAt !== undefined) this.#recovery.diverged(reading, answer.divergedAt);
      else this.#accept(reading, answer);
    }
  }

  #accept(reading: Reading, { records, aborted, highWatermark, lastStableOffset }: PartitionAnswer): void {
    const { isolation } = this.#options;
    const { assigned, nextOffset } = reading;
    reading.end = isolation === 'read-committed' ? lastStableOffset : highWatermark;
    if (records === null) return;
    try {
      const { topic, partition } = assigned;
      const read = readableBatches({ topic, partition, records, aborted }, nextOffset, isolation);
      const { lastEpoch, largestBytes } = survey(records);
      if (read.nextOffset === nextOffset) {
        // Only the beginning of a batch has come, which a broker of today doesn't send.
        reading.neededBytes = Math.max(largestBytes, 2 * reading.neededBytes);
        return;
      }
      reading.add(read.batches, read.nextOffset, lastEpoch);
      reading.neededBytes = largestBytes;
      this.#readings.delete(assigned);
      this.#readings.set(assigned, reading);
    } catch (error) {
      reading.fail(error);
    }
  }

  #changed(): void {
    if (this.#ended.signal.aborted) return;
    this.#onArrival();
    if (this.#clock.monotonic() - this.#polledAt < IDLE_AFTER_MS) this.ask();
  }
}
