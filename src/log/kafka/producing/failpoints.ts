import { failpoint } from '#platform';

/** Every step of a transaction after which the brokers know more of it than before. */
export const TRANSACTION_FAILPOINTS = [
  'kafka.transaction.begun',
  'kafka.transaction.appended',
  'kafka.transaction.offsets',
  'kafka.transaction.committed',
] as const;

/** Marks that a step has been taken. */
export function step(name: (typeof TRANSACTION_FAILPOINTS)[number]): void {
  failpoint(name);
}
