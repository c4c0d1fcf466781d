import type { EmbeddedLog } from '#log';
import type { Clock, Logger, Metrics } from '#platform';
import { inPasses } from '#platform';

export type CleaningOptions = {
  readonly log: Pick<EmbeddedLog, 'clean'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly intervalMs?: number;
  /** Ends the schedule. */
  readonly signal: AbortSignal;
};

const DEFAULT_INTERVAL_MS = 60_000;

/**
 * Has the log remove what is past its retention and compact what was replaced, every minute, until `signal` aborts.
 * Nothing depends on when cleaning happens.
 */
export async function cleanPeriodically(options: CleaningOptions): Promise<void> {
  const { log, clock, logger, metrics, intervalMs = DEFAULT_INTERVAL_MS, signal } = options;
  const removed = metrics.counter('log_cleaned_total', 'Batches and records removed by cleaning.', ['what']);
  const failures = metrics.counter('log_cleaning_failures_total', 'Failed cleaning passes.');
  const message = 'the log could not be cleaned; retrying';
  await inPasses({ clock, logger, intervalMs, failures, message, signal }, async () => {
    const cleaned = await log.clean({ signal });
    removed.inc({ what: 'expired_batches' }, cleaned.expiredBatches);
    removed.inc({ what: 'replaced_records' }, cleaned.compactedRecords);
    removed.inc({ what: 'expired_tombstones' }, cleaned.expiredTombstones);
    removed.inc({ what: 'batches_of_deleted_topics' }, cleaned.purgedBatches);
  });
}
