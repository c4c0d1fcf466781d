import {
  Consumer,
  FetchIsolationLevels,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
} from '@platformatic/kafka';
import { type Client, type Meter, makeRecords, PARTITIONS, sendAll, type Work } from './work.ts';

/** Spread over all partitions: with these it is at its fastest, as it is without idempotence. */
const PER_SEND = 4000;
const ON_THE_WAY = 4;
const MAX_BYTES = 8 * 1024 * 1024;

const options = ({ brokers }: Work) => ({ clientId: 'bench', bootstrapBrokers: [...brokers] });

async function produce(work: Work, meter: Meter): Promise<void> {
  const producer = new Producer({ ...options(work), maxInflights: 5 });
  const { topic } = work;
  const records = makeRecords(PER_SEND);
  await sendAll(work, meter, PER_SEND, ON_THE_WAY, () => {
    const timestamp = BigInt(Date.now());
    const messages = records.map(({ key, value }, i) => {
      return { topic, key, value, timestamp, partition: i % PARTITIONS };
    });
    return producer.send({ acks: ProduceAcks.ALL, messages });
  });
  await producer.close();
}

async function consume(work: Work, meter: Meter): Promise<void> {
  const consumer = new Consumer({ ...options(work), groupId: `${work.topic}-platformatic` });
  const stream = await consumer.consume({
    topics: [work.topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: false,
    maxBytes: MAX_BYTES,
    isolationLevel: FetchIsolationLevels.READ_COMMITTED,
    highWaterMark: 16_384,
  });
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', ({ key, value }: { key: Buffer; value: Buffer }) => {
      meter.add(1, key.length + value.length);
      if (meter.isDone) resolve();
    });
  });
  await stream.close();
  await consumer.close(true);
}

export const client: Client = { produce, consume };
