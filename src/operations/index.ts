/**
 * Running the processors of an installation, and the upkeep of its log: the loop topology in a worker thread of its
 * own, so that whoever serves HTTP in the same process is not held up, and the schedule that cleans the log.
 *
 * It promises that the worker is stopped by a message and never cut off, that a failure in it arrives here as an
 * error, and that "caught up" means processed and committed through every stage. What the processors do stands in
 * processors/, how they run in engine/.
 */
export { type CleaningOptions, cleanPeriodically } from './cleaning.ts';
export { loopLag, type TopicLag } from './lag.ts';
export type { ProcessingProgress } from './messages.ts';
export { type Processing, type ProcessingOptions, startProcessing } from './processing.ts';
