import type { Cleaned, EmbeddedLog } from '#log';
import type { Clock, Logger, Metrics } from '#platform';
import { inPasses } from '#platform';

export type CleaningOptions = {
  readonly log: Pick<EmbeddedLog, 'clean'>;
  readonly metrics: Metrics;
  /** Ends the pass, or the passes. */
  readonly signal: AbortSignal;
};

const DEFAULT_INTERVAL_MS = 60_000;

/** Has the log remove what is past its retention and compact what was replaced. Nothing depends on when that happens. */
export async function cleanOnce({ log, metrics, signal }: CleaningOptions): Promise<Cleaned> {
  const removed = metrics.counter('log_cleaned_total', 'Batches and records removed by cleaning.', ['what']);
  const cleaned = await log.clean({ signal });
  removed.inc({ what: 'expired_batches' }, cleaned.expiredBatches);
  removed.inc({ what: 'replaced_records' }, cleaned.compactedRecords);
  removed.inc({ what: 'expired_tombstones' }, cleaned.expiredTombstones);
  removed.inc({ what: 'batches_of_deleted_topics' }, cleaned.purgedBatches);
  return cleaned;
}

/** Cleans every minute, until `signal` aborts: for a process without jobs. */
export async function cleanPeriodically(
  options: CleaningOptions & {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly intervalMs?: number;
  },
): Promise<void> {
  const { clock, logger, metrics, intervalMs = DEFAULT_INTERVAL_MS, signal } = options;
  const failures = metrics.counter('log_cleaning_failures_total', 'Failed cleaning passes.');
  const message = 'the log could not be cleaned; retrying';
  await inPasses({ clock, logger, intervalMs, failures, message, signal }, async () => {
    await cleanOnce(options);
  });
}
