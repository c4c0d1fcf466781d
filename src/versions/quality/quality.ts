import type { Log } from '#log';
import { type ColumnStatistics, readSnapshots, readVersions, snapshotStatistics } from '#offline';
import { type Clock, type HttpServer, type Logger, type Metrics, RetryableError } from '#platform';
import type { SharedFiles } from '#storage';
import type { Topics } from '#topologies';
import { readQuality } from '../operations.ts';
import { type InForceRanker, type RankerInput, rankerInputs } from './inputs.ts';
import { QualityMetrics } from './quality-metrics.ts';
import { QualityRows, type QualityTopics } from './quality-rows.ts';
import { type QualityReport, qualityReport } from './report.ts';

export type QualityOptions = {
  readonly log: Log;
  readonly topics: QualityTopics & Pick<Topics, 'versions' | 'snapshots'>;
  /** What the directories of snapshots are relative to. */
  readonly dataDirectory: string;
  readonly files?: SharedFiles | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined where none is in force. */
  readonly ranker: () => InForceRanker | undefined;
};

export type Quality = QualityReport & {
  /** What the ranker in force was given; empty where answers do not keep it. */
  readonly inputs: readonly RankerInput[];
};

const METRICS_EVERY_MS = 10_000;
const METRICS_HOURS = 2;

/** How good the answers are, as the log says: as a report over HTTP, and as metrics. */
export class QualityMonitor {
  readonly #options: QualityOptions;
  readonly #rows: QualityRows;
  readonly #metrics: QualityMetrics;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** Column statistics of the snapshot that the ranker learned from. */
  #training: { readonly ranker: string; readonly columns: readonly ColumnStatistics[] } | undefined;

  private constructor(options: QualityOptions, rows: QualityRows) {
    this.#options = options;
    this.#rows = rows;
    this.#metrics = new QualityMetrics(options.metrics);
    this.#running = this.#run();
  }

  static async open(options: QualityOptions): Promise<QualityMonitor> {
    return new QualityMonitor(options, await QualityRows.open(options.log, options.topics));
  }

  /** Reports on the last `hours` of event time with answers. Errors: those of the log. */
  async report(hours: number): Promise<Quality> {
    await this.#rows.refresh();
    const ranker = this.#options.ranker();
    const inputs =
      ranker === undefined
        ? []
        : rankerInputs(ranker, this.#rows.contents, await this.#trainingOf(ranker.id));
    return { ...qualityReport(this.#rows, hours), inputs };
  }

  /** `GET /quality?hours=24`. */
  registerRoutes(server: HttpServer): void {
    server.serve(readQuality, ({ query: { hours } }) => this.report(hours));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#rows.close();
  }

  async #run(): Promise<void> {
    const { clock, logger, ranker } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const report = await this.report(METRICS_HOURS);
        this.#metrics.show(report, ranker()?.id, report.inputs);
      } catch (err) {
        const level = err instanceof RetryableError ? 'info' : 'error';
        if (!signal.aborted) logger[level]({ err }, 'the quality of answers could not be read; trying again');
      }
      await clock.sleep(METRICS_EVERY_MS, signal);
    }
  }

  async #trainingOf(ranker: string): Promise<readonly ColumnStatistics[]> {
    if (this.#training?.ranker === ranker) return this.#training.columns;
    const versions = await readVersions(this.#options);
    const id = versions.find(({ version }) => version === ranker)?.candidate.snapshot_id;
    const snapshot = (await readSnapshots(this.#options)).find(({ snapshot_id }) => snapshot_id === id);
    const columns = snapshot && (await snapshotStatistics(this.#options, snapshot));
    this.#training = { ranker, columns: columns ?? [] };
    return this.#training.columns;
  }
}
