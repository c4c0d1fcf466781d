/** For tests: arbitrary records, and the records of batches. */
export { all, anyRecord, recordsIn } from './records.ts';
