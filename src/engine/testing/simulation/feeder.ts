import { type Producer, type ProducerRecord, partitionFor, type SimulatedLog } from '#log';
import { errorCode } from '#platform';
import { watermarkHeader } from '../../time/watermark.ts';
import type { VirtualClock } from './scheduler.ts';
import type { Announcement, Input, InputRecord, TopologyUnderTest } from './topology-under-test.ts';

type Append = { readonly topic: string; readonly partition: number; readonly record: ProducerRecord };

const RETRY_MS = 20;

/** The producers outside: append the input in its order, spread over a time, and again what the log has lost. */
export class Feeder {
  readonly #producer: Producer;
  readonly #clock: VirtualClock;
  readonly #appends: readonly Append[];
  readonly #intervalMs: number;
  #next = 0;
  #isAppending = false;

  private constructor(
    producer: Producer,
    clock: VirtualClock,
    appends: readonly Append[],
    intervalMs: number,
  ) {
    this.#producer = producer;
    this.#clock = clock;
    this.#appends = appends;
    this.#intervalMs = intervalMs;
  }

  static async open(
    log: SimulatedLog,
    clock: VirtualClock,
    topology: TopologyUnderTest,
    input: Input,
    durationMs: number,
  ): Promise<Feeder> {
    const appends = [...input, ...finalAnnouncements(topology)].map((each) =>
      'announceMs' in each ? announcement(each) : encode(topology, each),
    );
    return new Feeder(await log.producer(), clock, appends, durationMs / appends.length);
  }

  get isDone(): boolean {
    return this.#next === this.#appends.length && !this.#isAppending;
  }

  /** How much has been appended; undefined while an append is under way. */
  get position(): number | undefined {
    return this.#isAppending ? undefined : this.#next;
  }

  /** Goes on from an earlier position: the log has lost what came later. */
  rewind(position: number): void {
    this.#next = position;
  }

  /** Never ends: there may be something to append again. */
  async run(): Promise<never> {
    for (;;) {
      const append = this.#appends[this.#next];
      if (append !== undefined) await this.#append(append);
      await this.#clock.sleep(Math.max(this.#intervalMs, append === undefined ? 100 : 0));
    }
  }

  /** Nothing is written by an append that fails, so it can be repeated. */
  async #append({ topic, partition, record }: Append): Promise<void> {
    this.#isAppending = true;
    for (;;) {
      try {
        await this.#producer.append(topic, partition, [record]);
        break;
      } catch (error) {
        if (errorCode(error) !== 'MR_LOG_UNAVAILABLE') throw error;
        await this.#clock.sleep(RETRY_MS);
      }
    }
    this.#next++;
    this.#isAppending = false;
  }
}

function encode(topology: TopologyUnderTest, { topic: name, key, value, timestamp }: InputRecord): Append {
  const topic = topology.inputs.find((input) => input.name === name);
  if (topic === undefined) throw new Error(`${topology.name} has no input ${name}`);
  const keyBytes = key === null ? null : Buffer.from(key);
  const partition = keyBytes === null ? 0 : partitionFor(keyBytes, topic.partitions);
  const bytes = value === null || Buffer.isBuffer(value) ? value : topic.value.encode(value);
  return { topic: name, partition, record: { key: keyBytes, value: bytes, timestamp } };
}

function announcement({ topic, partition, announceMs: ms }: Announcement): Append {
  const headers = [watermarkHeader({ writer: 0, writers: 1, ms })];
  return { topic, partition, record: { key: null, value: null, timestamp: ms - 1, headers } };
}

function finalAnnouncements({ inputs, finalWatermarkMs: announceMs }: TopologyUnderTest): Announcement[] {
  if (announceMs === null) return [];
  return inputs
    .filter(({ cleanup }) => cleanup.policy === 'delete')
    .flatMap(({ name: topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition, announceMs })),
    );
}
