/** The options that the threads of processing read: their own, and those of the rooms that run in them. */
import { FEATURES_OPTIONS } from '#features/options';
import { LOG_OPTIONS } from '#log/options';
import { count, option, PLATFORM_OPTIONS, type ValuesOf } from '#platform/configuration';
import { PRIVACY_OPTIONS } from '#privacy/options';
import { PROCESSORS_OPTIONS } from '#processors/options';

export const PROCESSING_OPTIONS = {
  ...PLATFORM_OPTIONS,
  ...LOG_OPTIONS,
  engine: {
    threads: option(count().default(1))`
      Threads that process events; they share the tasks, of which each partition has a few.`,
    commitIntervalMs: option(count().default(100))`
      Time between two commits of a task, ms; at least a second while it is catching up.`,
    batchRecords: option(count().default(4096))`Maximum records that a task processes in one batch.`,
    cacheEntries: option(count().default(80_000))`Decoded state entries that a task keeps in memory.`,
  },
  ...PROCESSORS_OPTIONS,
  ...FEATURES_OPTIONS,
  ...PRIVACY_OPTIONS,
};

export type ProcessingConfiguration = ValuesOf<typeof PROCESSING_OPTIONS>;
