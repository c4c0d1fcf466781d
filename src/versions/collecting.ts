import { errorCode, inPasses, type Logger, type Metrics } from '#platform';
import type { AskingOptions } from './ask-registry.ts';
import { type CollectRule, type CollectSource, collect, collectable } from './collect.ts';

export type CollectingOptions = CollectSource &
  AskingOptions & {
    readonly rule: CollectRule;
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly intervalMs?: number;
    /** Ends the schedule. */
    readonly signal: AbortSignal;
  };

/** Shorter than the time between two refreshes, so that what they leave is never more than one version. */
const defaultIntervalMs = 600_000;

/**
 * Applies the rule every ten minutes, until `signal` aborts. A pass that was cut off has left versions archived whose files
 * the next one removes.
 */
export async function collectPeriodically(options: CollectingOptions): Promise<void> {
  const { clock, logger, metrics, intervalMs = defaultIntervalMs, signal } = options;
  const collected = metrics.counter('versions_collected_total', 'Versions whose files were removed.');
  const failures = metrics.counter('versions_collect_failures_total', 'Failed collecting passes.');
  const message = 'old versions could not be collected; retrying';
  await inPasses({ clock, logger, intervalMs, failures, message, signal }, async () => {
    try {
      for (const each of await collectable(options.rule, options)) {
        await collect(each, { ...options, actor: null });
        collected.inc();
      }
    } catch (error) {
      // What has come into use since it was looked at is no failure, and neither is the end.
      if (!signal.aborted && errorCode(error) !== 'MR_VERSION_IN_FORCE') throw error;
    }
  });
}
