/**
 * From one log to another: topics, schemas, groups and journals, copied and then compared record by record.
 *
 * It promises that a copy that was cut off is resumed without a record twice, and that processing goes on from
 * the target where it stopped at the source.
 */
export type { CopiedPartition, CopyProgress } from './copy-options.ts';
export { copyTopics, isEqual } from './copy-topics.ts';
