/** Records that no reader of a topic can use, written past every schema: what a foreign producer may do. */

import type { Log, Producer, ProducerRecord, TopicDescription } from '#log';

const HUGE_BYTES = 4 * 1024 * 1024;
const FRAMING_BYTES = 5;

/** By kind: text, a truncated record of a topic's own schema, a value of another topic's schema, too much, and nothing. */
export type Poison = Readonly<Record<'text' | 'cut' | 'foreign' | 'huge' | 'null', ProducerRecord>>;

export class Poisoner {
  readonly #log: Log;
  readonly #producer: Producer;

  private constructor(log: Log, producer: Producer) {
    this.#log = log;
    this.#producer = producer;
  }

  static async open(log: Log): Promise<Poisoner> {
    return new Poisoner(log, await log.producer());
  }

  async topics(): Promise<readonly TopicDescription[]> {
    return this.#log.describeTopics();
  }

  /** Writes every kind to each partition of a topic, some under a key of the topic's own. */
  async poison(topic: TopicDescription): Promise<void> {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const records = Object.values(poison(await this.#first(topic, partition)));
      await this.#producer.append(topic.name, partition, records);
    }
  }

  async #first({ name, offsets }: TopicDescription, partition: number): Promise<ProducerRecord | undefined> {
    const { start = 0, stable = 0 } = offsets[partition] ?? {};
    if (start === stable) return undefined;
    const consumer = await this.#log.consumer();
    try {
      consumer.assign([{ topic: name, partition, offset: start }]);
      const [batch] = await consumer.poll(1_000);
      if (batch === undefined || batch.count === 0) return undefined;
      const copy = (bytes: Buffer | null) => bytes && Buffer.from(bytes);
      return { key: copy(batch.key(0)), value: copy(batch.value(0)), timestamp: batch.timestamp(0) };
    } finally {
      await consumer.close();
    }
  }
}

/** `own`: a record that the topic holds. */
function poison(own: ProducerRecord | undefined): Poison {
  const key = Buffer.from('poison');
  const timestamp = own?.timestamp ?? Date.now();
  const ownKey = own?.key ?? key;
  const framing = own?.value?.subarray(0, FRAMING_BYTES) ?? Buffer.alloc(FRAMING_BYTES);
  const foreign = Buffer.from([0, 0, 0, 0, 1, 255, 255, 255, 255]);
  return {
    text: { key: ownKey, value: Buffer.from('{"not":"avro"}'), timestamp },
    cut: { key: ownKey, value: Buffer.concat([framing, Buffer.alloc(12, 255)]), timestamp },
    foreign: { key: Buffer.from([255, 254]), value: foreign, timestamp },
    huge: { key, value: Buffer.alloc(HUGE_BYTES, '{'), timestamp },
    null: { key, value: null, timestamp },
  };
}
