import { initProducerIdV4 } from '@platformatic/kafka';
import { MAX_BATCH_BYTES } from '../../batch.ts';
import { keyRequired, logClosed } from '../../errors.ts';
import type { Appended, Producer, Records, TopicPartition } from '../../port.ts';
import { listOffsets } from '../topics/list-offsets.ts';
import { isCompacted } from '../topics/topic-configs.ts';
import type { Cluster } from '../wire/cluster.ts';
import { translatedError } from '../wire/kafka-errors.ts';
import { assertKnown } from '../wire/leaders.ts';
import { retrying } from '../wire/retry.ts';
import { Append, hasNullKey, parcels } from './gathered.ts';
import type { PartitionQueue, ProducerIdentity } from './partition-queue.ts';
import { produceV11 } from './produce-request.ts';
import { Sender } from './sender.ts';

/** The appends to one partition that are not on their way yet. */
type Lane = TopicPartition & { readonly queue: PartitionQueue; waiting: Append[]; isBusy: boolean };

/** Taken for one go: a few batches, so that encoding them does not hold up everything else for long. */
const MOST_BYTES = 8 * MAX_BATCH_BYTES;
const MOST_BATCHES = 5;
/** Goes although something is on the way: less than a batch, so that the broker has work while the next one is made. */
const ENOUGH_BYTES = 96 * 1024;
/** For how long `close` tries to bring what is under way to brokers that don't answer. */
const CLOSE_TIMEOUT_MS = 30_000;
const NO_TRANSACTIONS_MS = 2 ** 31 - 1;

/** Errors: MR_LOG_UNAVAILABLE, MR_KAFKA_FORBIDDEN. */
export async function openProducer(cluster: Cluster): Promise<Producer> {
  return new IdempotentProducer(cluster, await newIdentity(cluster));
}

async function newIdentity(cluster: Cluster): Promise<ProducerIdentity> {
  const what = 'asking for a producer id';
  try {
    const { producerId, producerEpoch } = await retrying(
      cluster,
      async () => initProducerIdV4.api.async(await cluster.anyBroker(), null, NO_TRANSACTIONS_MS, -1n, -1),
      { what },
    );
    return { producerId: Number(producerId), epoch: producerEpoch };
  } catch (error) {
    throw translatedError(error, what);
  }
}

/**
 * Appends outside transactions, each once and in order (KIP-98). An append goes at once where its partition has nothing
 * on the way; what comes meanwhile gathers, and goes together.
 */
class IdempotentProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #sender: Sender;
  readonly #lanes = new Map<string, Lane>();
  readonly #idle: (() => void)[] = [];
  #open = 0;
  #closing: Promise<void> | undefined;

  constructor(cluster: Cluster, identity: ProducerIdentity) {
    this.#cluster = cluster;
    cluster.opened.add(this);
    this.#sender = new Sender(cluster, {
      purpose: cluster.newPurpose('produce'),
      transactionalId: null,
      produce: produceV11,
      identity,
      newIdentity: () => newIdentity(cluster),
    });
  }

  append(topic: string, partition: number, records: Records): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined || this.#cluster.closed) throw logClosed();
      const lane = this.#lane(topic, partition);
      this.#open++;
      const settled = () => {
        this.#open--;
        if (this.#open === 0) for (const idle of this.#idle.splice(0)) idle();
        this.#advance(lane);
      };
      const append = new Append(
        records,
        (place) => {
          resolve({ topic, partition, ...place });
          settled();
        },
        (error) => {
          reject(translatedError(error, `appending to ${topic}/${partition}`));
          settled();
        },
      );
      lane.waiting.push(append);
      this.#advance(lane);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#sender.limit(this.#cluster.clock.monotonic() + CLOSE_TIMEOUT_MS);
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#sender.close();
    this.#cluster.opened.delete(this);
  }

  #lane(topic: string, partition: number): Lane {
    const name = `${topic}/${partition}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const queue = this.#sender.queue(topic, partition);
      lane = { topic, partition, queue, waiting: [], isBusy: false };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #advance(lane: Lane): void {
    if (!lane.isBusy && mayGo(lane)) void this.#run(lane);
  }

  async #run(lane: Lane): Promise<void> {
    const { queue } = lane;
    lane.isBusy = true;
    // What else is appended in this turn of the event loop goes along.
    await Promise.resolve();
    while (mayGo(lane)) {
      const appends = takeAppends(lane);
      try {
        await assertKnown(this.#cluster, lane);
        const accepted = await withKeys(this.#cluster, lane, appends);
        if (accepted[0]?.records.length === 0) await this.#appendNothing(lane, accepted[0]);
        else for (const parcel of parcels(accepted, MAX_BATCH_BYTES)) this.#sender.send(queue, parcel);
      } catch (error) {
        for (const append of appends) append.failed(error);
      }
    }
    lane.isBusy = false;
  }

  /** An append without records is behind everything that was appended before it. */
  async #appendNothing({ topic, partition, queue }: Lane, append: Append): Promise<void> {
    const end = queue.nextOffset ?? (await listOffsets(this.#cluster, [{ topic, partition }], 'end'))[0] ?? 0;
    append.appended(end, 0);
  }
}

/** Whether something is to be sent now: nothing is on the way, or there is enough. */
function mayGo({ waiting, queue }: Lane): boolean {
  const [first] = waiting;
  if (first === undefined) return false;
  if (queue.outstanding === 0) return true;
  if (queue.outstanding >= MOST_BATCHES || first.records.length === 0) return false;
  let bytes = 0;
  return waiting.some((append) => {
    bytes += append.bytes;
    return bytes >= ENOUGH_BYTES;
  });
}

/** One without records goes alone. */
function takeAppends({ waiting }: Lane): Append[] {
  let bytes = 0;
  let count = 0;
  for (const append of waiting) {
    const isEmpty = append.records.length === 0;
    if (count > 0 && (bytes >= MOST_BYTES || isEmpty)) break;
    bytes += append.bytes;
    count++;
    if (isEmpty) break;
  }
  return waiting.splice(0, count);
}

/** Fails the appends to a compacted topic that have a record without a key, and returns the others. */
async function withKeys(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  appends: readonly Append[],
): Promise<readonly Append[]> {
  const keyless = appends.filter(({ records }) => hasNullKey(records));
  if (keyless.length === 0 || !(await isCompacted(cluster, topic))) return appends;
  for (const append of keyless) append.failed(keyRequired({ topic, partition }));
  return appends.filter((append) => !keyless.includes(append));
}
