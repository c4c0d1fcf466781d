/**
 * The one suite that every adapter of the log passes, written for Kafka as much as for SQLite: it assumes neither
 * dense offsets nor that anything is visible at once, and where the port leaves a choice it accepts each.
 */
import { closingTests } from './contract/closing.ts';
import { consumingTests } from './contract/consuming.ts';
import { groupTests } from './contract/groups.ts';
import { contractTest, type OpenLog } from './contract/opened.ts';
import { producingTests } from './contract/producing.ts';
import { topicTests } from './contract/topics.ts';
import { transactionTests } from './contract/transactions.ts';

export type { OpenedLog, OpenLog } from './contract/opened.ts';
export { type OpenRegistry, registryContract } from './contract/schemas.ts';

/** Registers the suite's tests for the adapter `name`; `open` gives each test a fresh log. `skip` says why none can run. */
export function logContract(name: string, open: OpenLog, skip: string | false = false): void {
  const contract = contractTest(name, open, skip);
  topicTests(contract);
  producingTests(contract);
  transactionTests(contract);
  consumingTests(contract);
  groupTests(contract);
  closingTests(contract);
}
