/** For tests: arbitrary records, and the records of batches. */
export { heldLog } from '../embedded/testing/held-log.ts';
export { all, anyRecord, recordsIn } from './records.ts';
