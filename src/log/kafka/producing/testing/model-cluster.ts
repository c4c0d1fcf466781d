import { type Connection, NetworkError, Reader, Writer } from '@platformatic/kafka';
import type { ManualClock } from '#platform/testing';
import { unknownTopic } from '../../../errors.ts';
import type { Cluster, TopicMetadata } from '../../wire/cluster.ts';
import { BrokerError } from '../../wire/kafka-errors.ts';
import { ModelPartition, valuesOf } from './model-partition.ts';

/** How often what goes wrong, from 0 to 1. */
export type ModelFaults = {
  /** A connection breaks when a request arrives, or when its answer should go. */
  readonly breaking: number;
  /** The leader refuses a batch for a moment, or gives a reader nothing, as for a quota. */
  readonly refusing: number;
  /** The leader appends a batch, and says that it leads no more: it was replaced or shut down before it could answer. */
  readonly disowning: number;
  /** A broker knows a batch that it has already, and doesn't say where it is. */
  readonly forgettingOffsets: number;
  /** A leader moves, or a broker restarts, when a request arrives. */
  readonly changing: number;
};

const PRODUCE = 0;
const FETCH = 1;
const LIST_OFFSETS = 2;
const INIT_PRODUCER_ID = 22;
const DESCRIBE_PRODUCERS = 61;

const UNKNOWN_TOPIC = 3;
const NOT_LEADER = 6;
const REQUEST_TIMED_OUT = 7;
const MESSAGE_TOO_LARGE = 10;
const NOT_ENOUGH_REPLICAS = 19;
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20;
const DUPLICATE = 46;
const INVALID_RECORD = 87;

type Parser = (correlationId: number, key: number, version: number, reader: Reader) => unknown;
type Callback = (error: Error | null, answer?: unknown) => void;

/**
 * Two brokers and one topic, of which each answer, loss and delay is drawn by `random`: what a real cluster does once in a
 * year happens in every run. Stands in for `Cluster` where it is used to produce.
 */
export class ModelCluster {
  readonly options = { compression: 'none', prefix: '' };
  readonly clock: ManualClock;
  readonly random: () => number;
  readonly logger = undefined;
  readonly closed = false;
  readonly opened = new Set();
  readonly signal = new AbortController().signal;
  readonly partitions: readonly ModelPartition[];
  /** A value that begins so is refused, and takes its batch with it. */
  readonly poison = 'poison';
  readonly largestBatch: number;
  faults: ModelFaults;
  /** The brokers take requests and never answer. */
  isSilent = false;
  hasTopic = true;
  /** Brokers that start forget all producers, as they do when the records are old. */
  forgets = false;
  readonly #restarts = [0, 0];
  readonly #leaders: number[];
  readonly #seen: number[];
  readonly #connections = new Map<string, ModelConnection>();
  #producerIds = 0;
  #purposes = 0;
  /** How often each thing was met: a run without them proves nothing. */
  readonly met = new Map<string, number>();

  constructor(
    clock: ManualClock,
    random: () => number,
    partitions: number,
    faults: ModelFaults,
    largestBatch: number,
  ) {
    this.clock = clock;
    this.random = random;
    this.faults = faults;
    this.largestBatch = largestBatch;
    this.partitions = Array.from({ length: partitions }, () => new ModelPartition());
    this.#leaders = this.partitions.map((_, i) => i % 2);
    this.#seen = [...this.#leaders];
  }

  /** As what it is used. */
  get cluster(): Cluster {
    return this as unknown as Cluster;
  }

  prefixed(name: string): string {
    return name;
  }

  cachedTopic(name: string): TopicMetadata | undefined {
    return !this.hasTopic
      ? undefined
      : { name, kafkaName: name, id: 'id', leaders: this.#seen, leaderEpochs: [], replicas: 1 };
  }

  async topic(name: string): Promise<TopicMetadata> {
    const topic = this.cachedTopic(name);
    if (topic === undefined) throw unknownTopic(name);
    return topic;
  }

  async refresh(): Promise<void> {
    await this.delay();
    for (const [i, leader] of this.#leaders.entries()) if (this.random() < 0.8) this.#seen[i] = leader;
  }

  async anyBroker(): Promise<Connection> {
    return this.connection(0, 'any');
  }

  async connection(broker: number, purpose: string): Promise<Connection> {
    await this.delay();
    if (this.happens('breaking')) {
      // The others say so of a broker that is shut down.
      if (this.random() < 0.5) throw new BrokerError('BROKER_NOT_AVAILABLE', `broker ${broker} is unknown`);
      throw new NetworkError('the broker can not be reached');
    }
    const name = `${broker}/${purpose}`;
    let connection = this.#connections.get(name);
    if (connection === undefined || !connection.isConnected()) {
      connection = new ModelConnection(this, broker);
      this.#connections.set(name, connection);
    }
    return connection as unknown as Connection;
  }

  newPurpose(beginning: string): string {
    return `${beginning}-${this.#purposes++}`;
  }

  async disconnect(): Promise<void> {}

  happens(fault: keyof ModelFaults): boolean {
    if (this.random() >= this.faults[fault]) return false;
    this.note(fault);
    return true;
  }

  note(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  delay(longestMs = 20): Promise<void> {
    return this.clock.sleep(1 + Math.floor(this.random() * longestMs));
  }

  /** A leader moves, or a broker restarts. */
  change(): void {
    const index = Math.floor(this.random() * this.partitions.length);
    // Another broker, which has not restarted, would remember.
    if (!this.forgets && this.random() < 0.5) {
      this.#leaders[index] = 1 - (this.#leaders[index] as number);
      this.note('moved');
      return;
    }
    const broker = this.#leaders[index] as number;
    for (const [i, partition] of this.partitions.entries()) {
      if (this.#leaders[i] === broker) partition.restart(this.forgets);
    }
    for (const [name, connection] of this.#connections)
      if (name.startsWith(`${broker}/`)) connection.breakOff();
    this.#restarts[broker] = this.restarts(broker) + 1;
    this.note('restarted');
  }

  /** What a broker had in its memory is gone when there were more of them. */
  restarts(broker: number): number {
    return this.#restarts[broker] as number;
  }

  answer(broker: number, key: number, request: Reader): Writer {
    switch (key) {
      case PRODUCE:
        return this.#produce(broker, request);
      case INIT_PRODUCER_ID:
        return Writer.create()
          .appendInt32(0)
          .appendInt16(0)
          .appendInt64(BigInt(++this.#producerIds))
          .appendInt16(0)
          .appendTaggedFields();
      case DESCRIBE_PRODUCERS:
        this.note('described');
        return this.#describeProducers(broker, request);
      case LIST_OFFSETS:
        return this.#listOffsets(broker, request);
      case FETCH:
        this.note('searched');
        return this.#fetch(broker, request);
      default:
        throw new Error(`the model knows no request ${key}`);
    }
  }

  #produce(broker: number, request: Reader): Writer {
    request.readNullableString();
    request.skip(6);
    const [answers = []] = request.readArray((topic) => {
      topic.readString();
      return topic.readArray((reader) => {
        const partition = reader.readInt32();
        return { partition, ...this.#append(broker, partition, reader.readBytes()) };
      });
    });
    return Writer.create()
      .appendArray([answers], (topic, all) => {
        topic.appendString('model').appendArray(all, (writer, { partition, code, baseOffset }) => {
          writer.appendInt32(partition).appendInt16(code).appendInt64(BigInt(baseOffset));
          writer
            .appendInt64(-1n)
            .appendInt64(0n)
            .appendArray([], () => {})
            .appendString(null);
        });
      })
      .appendInt32(0)
      .appendTaggedFields();
  }

  #append(broker: number, partition: number, bytes: Buffer): { code: number; baseOffset: number } {
    if (!this.hasTopic) return { code: UNKNOWN_TOPIC, baseOffset: -1 };
    if (this.#leaders[partition] !== broker) return { code: NOT_LEADER, baseOffset: -1 };
    if (bytes.length > this.largestBatch) return { code: MESSAGE_TOO_LARGE, baseOffset: -1 };
    if (valuesOf(bytes).some((value) => value.startsWith(this.poison))) {
      return { code: INVALID_RECORD, baseOffset: -1 };
    }
    const log = this.partitions[partition] as ModelPartition;
    if (this.happens('refusing')) {
      const code = [NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT, NOT_LEADER][
        Math.floor(this.random() * 4)
      ] as number;
      const isAppended = code === NOT_ENOUGH_REPLICAS_AFTER_APPEND || code === REQUEST_TIMED_OUT;
      const appended = isAppended ? log.append(bytes).code : 0;
      return { code: appended === 0 ? code : appended, baseOffset: -1 };
    }
    const { code, baseOffset, isDuplicate } = log.append(bytes);
    if (code === 0 && this.happens('disowning')) return { code: NOT_LEADER, baseOffset: -1 };
    if (isDuplicate === true) this.note('duplicate');
    if (isDuplicate === true && this.happens('forgettingOffsets')) return { code: DUPLICATE, baseOffset: -1 };
    if (code !== 0) this.note(`refused ${code}`);
    return { code, baseOffset };
  }

  #describeProducers(broker: number, request: Reader): Writer {
    const [[partition = 0] = []] = request.readArray((topic) => {
      topic.readString();
      return topic.readArray((reader) => reader.readInt32(), true, false);
    });
    const code = this.#leaders[partition] === broker ? 0 : NOT_LEADER;
    const producers = this.partitions[partition]?.producers() ?? [];
    return Writer.create()
      .appendInt32(0)
      .appendArray(['model'], (topic, name) => {
        topic.appendString(name).appendArray([partition], (writer, index) => {
          writer.appendInt32(index).appendInt16(code).appendString(null);
          writer.appendArray([...producers], (entry, { producerId, epoch, lastSequence }) => {
            entry.appendInt64(BigInt(producerId)).appendInt32(epoch).appendInt32(lastSequence);
            entry.appendInt64(0n).appendInt32(0).appendInt64(-1n);
          });
        });
      })
      .appendTaggedFields();
  }

  #listOffsets(broker: number, request: Reader): Writer {
    request.skip(5);
    const [[asked = { partition: 0, timestamp: 0n }] = []] = request.readArray((topic) => {
      topic.readString();
      return topic.readArray((reader) => {
        const partition = reader.readInt32();
        reader.skip(4);
        return { partition, timestamp: reader.readInt64() };
      });
    });
    const { partition, timestamp } = asked;
    const code = this.#leaders[partition] === broker ? 0 : NOT_LEADER;
    const offset = timestamp === -2n ? 0 : (this.partitions[partition]?.end ?? 0);
    return Writer.create()
      .appendInt32(0)
      .appendArray(['model'], (topic, name) => {
        topic.appendString(name).appendArray([partition], (writer, index) => {
          writer
            .appendInt32(index)
            .appendInt16(code)
            .appendInt64(-1n)
            .appendInt64(BigInt(offset))
            .appendInt32(0);
        });
      })
      .appendTaggedFields();
  }

  #fetch(broker: number, request: Reader): Writer {
    request.skip(25);
    const [[asked = { partition: 0, offset: 0 }] = []] = request.readArray((topic) => {
      topic.readString();
      return topic.readArray((reader) => {
        const partition = reader.readInt32();
        reader.skip(4);
        const offset = Number(reader.readInt64());
        reader.skip(16);
        return { partition, offset };
      });
    });
    const { partition, offset } = asked;
    const code = this.#leaders[partition] === broker ? 0 : NOT_LEADER;
    const isHeldBack = this.happens('refusing');
    const bytes = (isHeldBack ? undefined : this.partitions[partition]?.read(offset)) ?? Buffer.alloc(0);
    return Writer.create()
      .appendInt32(0)
      .appendInt16(0)
      .appendInt32(0)
      .appendArray(['model'], (topic, name) => {
        topic.appendString(name).appendArray([partition], (writer, index) => {
          writer.appendInt32(index).appendInt16(code).appendInt64(0n).appendInt64(0n).appendInt64(0n);
          writer
            .appendArray(null, () => {})
            .appendInt32(-1)
            .appendBytes(bytes);
        });
      })
      .appendTaggedFields();
  }
}

/** One request after the other, as a broker does it. What has arrived when the connection breaks may still be done. */
class ModelConnection {
  readonly socket = { destroy: () => this.breakOff() };
  readonly #model: ModelCluster;
  readonly #broker: number;
  readonly #pending = new Set<Callback>();
  #last: Promise<void> = Promise.resolve();
  #isBroken = false;

  constructor(model: ModelCluster, broker: number) {
    this.#model = model;
    this.#broker = broker;
  }

  isConnected(): boolean {
    return !this.#isBroken;
  }

  breakOff(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    for (const callback of this.#pending) callback(new NetworkError('Connection closed'));
    this.#pending.clear();
  }

  send(
    key: number,
    version: number,
    createPayload: () => Writer,
    parser: Parser,
    _requestTags: boolean,
    _responseTags: boolean,
    callback: Callback,
  ): void {
    if (this.#isBroken) {
      callback(new NetworkError('Connection closed'));
      return;
    }
    const bytes = Buffer.from(createPayload().buffer);
    const restarts = this.#model.restarts(this.#broker);
    this.#pending.add(callback);
    this.#last = this.#last.then(async () => {
      await this.#model.delay();
      if (this.#model.happens('changing')) this.#model.change();
      if (this.#model.happens('breaking')) this.breakOff();
      if (this.#isBroken) {
        // Between two starts of a forgetful broker such a request could be done behind the back of who seeks it in the log.
        if (this.#model.forgets || this.#model.random() < 0.5) return;
        // It was read already: the broker gets round to it later.
        await this.#model.delay(400);
        if (this.#model.restarts(this.#broker) !== restarts) return;
        this.#model.note('late copy');
      }
      const answer = this.#model.answer(this.#broker, key, Reader.from(bytes));
      if (this.#model.happens('breaking')) this.breakOff();
      if (this.#model.isSilent || !this.#pending.delete(callback)) return;
      let parsed: unknown;
      try {
        parsed = parser(0, key, version, Reader.from(answer.buffer));
      } catch (error) {
        return callback(error as Error);
      }
      callback(null, parsed);
    });
  }
}
