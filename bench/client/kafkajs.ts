import { Kafka, logLevel } from 'kafkajs';
import { type Client, type Meter, makeRecords, PARTITIONS, sendAll, type Work } from './work.ts';

/** Spread over all partitions: with these it is at its fastest, as it is without idempotence. */
const PER_SEND = 4000;
const ON_THE_WAY = 4;
const MAX_BYTES = 8 * 1024 * 1024;

const open = ({ brokers }: Work) =>
  new Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: logLevel.ERROR });

async function produce(work: Work, meter: Meter): Promise<void> {
  const producer = open(work).producer({ maxInFlightRequests: 5 });
  await producer.connect();
  const { topic } = work;
  const records = makeRecords(PER_SEND);
  await sendAll(work, meter, PER_SEND, ON_THE_WAY, () => {
    const timestamp = String(Date.now());
    const messages = records.map(({ key, value }, i) => ({
      key,
      value,
      timestamp,
      partition: i % PARTITIONS,
    }));
    return producer.send({ topic, messages, acks: -1 });
  });
  await producer.disconnect();
}

async function consume(work: Work, meter: Meter): Promise<void> {
  const consumer = open(work).consumer({
    groupId: `${work.topic}-kafkajs`,
    maxBytesPerPartition: 1024 * 1024,
    maxBytes: MAX_BYTES,
    readUncommitted: false,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: work.topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch }: { batch: { messages: readonly Message[] } }) => {
      let bytes = 0;
      for (const { key, value } of batch.messages) bytes += (key?.length ?? 0) + (value?.length ?? 0);
      meter.add(batch.messages.length, bytes);
      if (meter.isDone) resolve();
    };
    consumer.run({ partitionsConsumedConcurrently: PARTITIONS, autoCommit: false, eachBatch }).catch(reject);
  });
  await consumer.disconnect();
}

type Message = { readonly key: Buffer | null; readonly value: Buffer | null };

export const client: Client = { produce, consume };
