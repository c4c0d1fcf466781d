import { RetryableError } from '#platform';
import { staleGeneration } from '../../errors.ts';
import type { GroupMetadata } from '../../port.ts';
import { errorName, translatedError } from '../wire/kafka-errors.ts';

/** Refusals that take the transaction from the producer: it was aborted, or somebody else has the transactional id. */
const lost: ReadonlySet<string | undefined> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNKNOWN_PRODUCER_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'TRANSACTION_ABORTABLE',
  'TRANSACTIONAL_ID_NOT_FOUND',
]);

const stale: ReadonlySet<string | undefined> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
]);

/** Whether nothing but the next epoch of the producer, or none, can follow. */
export const isLost = (error: unknown) => lost.has(errorName(error));

/** What a refusal in a transaction means to its caller. */
export function transactionError(error: unknown, transactionalId: string): unknown {
  if (!isLost(error)) return translatedError(error, `a transaction of ${transactionalId}`);
  return new RetryableError(
    'MR_LOG_TRANSACTION_ABORTED',
    `the brokers aborted a transaction of ${transactionalId} (${errorName(error)})`,
    {
      hint: 'none of it is visible: append and commit again, within the transaction timeout',
      cause: error,
    },
  );
}

/** The same for the offsets of a group. */
export function offsetsError(error: unknown, { group, memberId, generation }: GroupMetadata): unknown {
  return stale.has(errorName(error)) ? staleGeneration(group, memberId, generation) : error;
}
