import type { Log } from '#log';
import { type Clock, inPasses, type Logger, type Metrics } from '#platform';
import { processedInteractions } from '#processing';

const LOOK_MS = 1_000;

export type AdmissionLagOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Ends the looking. */
  readonly signal: AbortSignal;
};

/** How many events await admission in other processes, as their commits say. */
export class AdmissionLag {
  #events = 0;
  /** Resolves when `signal` has aborted. */
  readonly ended: Promise<void>;

  constructor({ log, ...environment }: AdmissionLagOptions) {
    const failures = environment.metrics.counter(
      'admission_lag_failures_total',
      'Failed looks at how many events await admission in other processes.',
    );
    const message = 'how many events await admission is unknown; looking again';
    this.ended = inPasses({ ...environment, intervalMs: LOOK_MS, failures, message }, async () => {
      const [{ offsets } = { offsets: [] }] = await log.describeTopics(['interactions']);
      const processed = await processedInteractions(log);
      this.#events = offsets.reduce(
        (sum, { stable, start }, p) => sum + Math.max(0, stable - Math.max(start, processed[p] ?? 0)),
        0,
      );
    });
  }

  get events(): number {
    return this.#events;
  }
}
