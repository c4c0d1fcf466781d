import { openKafkaLog, parseKafkaUrl } from '#log';
import { systemClock } from '#platform';
import { type Client, type Meter, makeRecords, PARTITIONS, sendAll, type Work } from './work.ts';

const PER_APPEND = 500;
const ON_THE_WAY = 32;
const MAX_BYTES = 8 * 1024 * 1024;

const open = ({ brokers }: Work) =>
  openKafkaLog(parseKafkaUrl(`kafka://${brokers.join(',')}`), { clock: systemClock, random: Math.random });

async function produce(work: Work, meter: Meter): Promise<void> {
  const log = await open(work);
  const producer = await log.producer();
  const records = makeRecords(PER_APPEND);
  await sendAll(work, meter, PER_APPEND, ON_THE_WAY, (i) => {
    const timestamp = Date.now();
    const batch = records.map(({ key, value }) => ({ key, value, timestamp }));
    return producer.append(work.topic, i % PARTITIONS, batch);
  });
  await log.close();
}

async function consume(work: Work, meter: Meter): Promise<void> {
  const log = await open(work);
  const consumer = await log.consumer({ isolation: 'read-committed', maxBytes: MAX_BYTES });
  const { topic } = work;
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 })));
  while (!meter.isDone) {
    for (const batch of await consumer.poll(1000)) {
      let bytes = 0;
      for (let i = 0; i < batch.count; i++) {
        bytes += (batch.key(i)?.length ?? 0) + (batch.value(i)?.length ?? 0);
      }
      meter.add(batch.count, bytes);
    }
  }
  await log.close();
}

export const client: Client = { produce, consume };
