import { type Connection, createAPI, fetchV17 } from '@platformatic/kafka';
import type { Isolation } from '../records/readable-batches.ts';
import { type PartitionAnswer, parseFetchResponse } from './fetch-response.ts';

/** Where to fetch one partition from. */
export type PartitionRequest = {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch of the leader in our metadata: a broker with newer metadata refuses the request. */
  readonly leaderEpoch: number;
  /** Epoch of the batch before `offset`, so that the leader notices a diverged log; -1 if unknown. */
  readonly lastFetchedEpoch: number;
  readonly maxBytes: number;
};

export type FetchRequest = {
  /** The broker fills the answer in this order. */
  readonly partitions: readonly PartitionRequest[];
  readonly isolation: Isolation;
  /** How long the broker waits for the first byte. */
  readonly maxWaitMs: number;
  /** Limit for the whole answer; a single batch may exceed it (KIP-74). */
  readonly maxBytes: number;
};

type Arguments = Parameters<typeof fetchV17.createRequest>;

const FETCH = 1;
/** From Kafka 3.7. The next version differs for replicas only. */
const VERSION = 16;
const MIN_BYTES = 1;
/** Every request names all of its partitions: a session would save that, and needs to be kept in step with the broker. */
const NO_SESSION = 0;
const NO_EPOCH = -1;
const ANY_RACK = '';

/** The library's own parser decodes every record, and throws the whole answer away when one partition has an error. */
const api = createAPI<Arguments, readonly PartitionAnswer[]>(
  FETCH,
  VERSION,
  fetchV17.createRequest,
  parseFetchResponse,
);

/** Written to the socket before it returns, when the connection is open. */
export function sendFetch(
  connection: Connection,
  { partitions, isolation, maxWaitMs, maxBytes }: FetchRequest,
): Promise<readonly PartitionAnswer[]> {
  return api.async(
    connection,
    maxWaitMs,
    MIN_BYTES,
    maxBytes,
    isolation === 'read-committed' ? 1 : 0,
    NO_SESSION,
    NO_EPOCH,
    topicsOf(partitions),
    [],
    ANY_RACK,
  );
}

function topicsOf(partitions: readonly PartitionRequest[]): Arguments[6] {
  return Array.from(
    Map.groupBy(partitions, ({ topicId }) => topicId),
    ([topicId, all]) => ({
      topicId,
      partitions: all.map(({ partition, offset, leaderEpoch, lastFetchedEpoch, maxBytes }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch,
        partitionMaxBytes: maxBytes,
      })),
    }),
  );
}
