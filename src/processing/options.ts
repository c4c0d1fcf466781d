/** The options that the threads of processing read: their own, and those of the rooms that run in them. */
import { FEATURES_OPTIONS } from '#features/options';
import { LOG_OPTIONS } from '#log/options';
import { count, option, PLATFORM_OPTIONS, type ValuesOf, whole, z } from '#platform/configuration';
import { PRIVACY_OPTIONS } from '#privacy/options';
import { PROCESSORS_OPTIONS } from '#processors/options';

export const PROCESSING_OPTIONS = {
  ...PLATFORM_OPTIONS,
  ...LOG_OPTIONS,
  engine: {
    threads: option(count().default(1))`
      Threads that process events; they share the tasks, of which each partition has a few.`,
    commitIntervalMs: option(count().default(50))`
      Time between two commits of a task, ms; at least a second while it is catching up.`,
    batchRecords: option(count().default(4096))`Maximum records that a task processes in one batch.`,
    cacheEntries: option(count().default(80_000))`Decoded state entries that a task keeps in memory.`,
    standbys: option(whole().default(0))`
      Copies of the state of each task in other processes on the same log, from which a task continues elsewhere without
      a restore.`,
    onRecordError: option(z.enum(['dead-letter', 'skip', 'fail']).default('dead-letter'))`
      What happens to a record that cannot be decoded or whose handler throws: it goes to topic \`dead-letters\`, is
      skipped, or ends processing. All are counted in \`millrace_engine_rejected_records_total\`.`,
    guarantee: option(z.enum(['exactly-once', 'at-least-once']).default('exactly-once'))`
      What a crash does to a commit of topologies that \`millrace run\` runs: \`at-least-once\` may write outputs again.
      The product’s own topologies are always exactly once.`,
  },
  ...PROCESSORS_OPTIONS,
  ...FEATURES_OPTIONS,
  ...PRIVACY_OPTIONS,
};

export type ProcessingConfiguration = ValuesOf<typeof PROCESSING_OPTIONS>;
