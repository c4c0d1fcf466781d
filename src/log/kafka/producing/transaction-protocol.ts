import {
  apiVersionsV3,
  type Connection,
  createAPI,
  endTxnV3,
  endTxnV4,
  type Reader,
  ResponseError,
  txnOffsetCommitV3,
  txnOffsetCommitV4,
} from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { retrying } from '../wire/retry.ts';
import type { ProducerIdentity } from './partition-queue.ts';
import { produceV11, produceV12 } from './produce-request.ts';

/** The requests that differ between the two transaction protocols. */
export type TransactionProtocol = {
  /** Whether the coordinator has to hear of partitions and groups before anything is written to them. */
  readonly announces: boolean;
  readonly produce: typeof produceV11;
  readonly commitOffsets: typeof txnOffsetCommitV3.api;
  /** Commits or aborts; returns the producer id and epoch to continue with. */
  readonly end: (
    connection: Connection,
    transactionalId: string,
    identity: ProducerIdentity,
    isCommit: boolean,
  ) => Promise<ProducerIdentity>;
};

/** KIP-98, of all brokers: a producer keeps its epoch. */
const classic: TransactionProtocol = {
  announces: true,
  produce: produceV11,
  commitOffsets: txnOffsetCommitV3.api,
  end: async (connection, transactionalId, identity, isCommit) => {
    const { producerId, epoch } = identity;
    await endTxnV3.api.async(connection, transactionalId, BigInt(producerId), epoch, isCommit);
    return identity;
  },
};

/** EndTxn, version 5: asked as version 4. */
const endTxnV5 = createAPI<Parameters<typeof endTxnV4.createRequest>, ProducerIdentity>(
  26,
  5,
  endTxnV4.createRequest,
  parseEndTxn,
);

/**
 * KIP-890, of Kafka 4: a partition takes part by what is written to it, and each transaction has an epoch of its own, so that
 * a request that comes late can't get into a later one. Who asks for an end again under the old epoch is told the next one.
 */
const epochPerTransaction: TransactionProtocol = {
  announces: false,
  produce: produceV12,
  // Written and read as version 4.
  commitOffsets: createAPI(28, 5, txnOffsetCommitV4.createRequest, txnOffsetCommitV4.parseResponse),
  end: (connection, transactionalId, { producerId, epoch }, isCommit) =>
    endTxnV5.async(connection, transactionalId, BigInt(producerId), epoch, isCommit),
};

/** The protocol that the brokers have agreed on, by their feature transaction.version. Errors: MR_LOG_UNAVAILABLE. */
export async function transactionProtocol(cluster: Cluster): Promise<TransactionProtocol> {
  const { finalizedFeatures } = await retrying(
    cluster,
    async () => apiVersionsV3.api.async(await cluster.anyBroker(), 'millrace', '1'),
    { what: 'asking for the version of transactions' },
  );
  const level = finalizedFeatures?.find(({ name }) => name === 'transaction.version')?.maxVersionLevel ?? 0;
  return level >= 2 ? epochPerTransaction : classic;
}

export function parseEndTxn(
  _correlationId: number,
  apiKey: number,
  apiVersion: number,
  reader: Reader,
): ProducerIdentity {
  reader.skip(4); // throttle time
  const errorCode = reader.readInt16();
  if (errorCode !== 0) throw new ResponseError(apiKey, apiVersion, { '/': [errorCode, null] }, { errorCode });
  return { producerId: Number(reader.readInt64()), epoch: reader.readInt16() };
}
