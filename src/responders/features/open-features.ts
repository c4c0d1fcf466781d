import type { Log } from '#engine/log';
import type { Clock, Logger, Metrics } from '#platform';
import type { Topics } from '#topologies';
import { InProcessViewStore } from '../view-store/in-process.ts';
import type { ViewStore } from '../view-store/port.ts';
import { FeatureReader } from './feature-reader.ts';
import { type FeatureTtls, OnlineViews } from './online-views.ts';

export type FeatureReaderOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where the rows are taken from; by default they are read into this process. Closed with the reader. */
  readonly views?: ViewStore;
  readonly featureTtlMs?: FeatureTtls;
};

export type OpenedFeatureReader = {
  readonly reader: FeatureReader;
  /** Resolves when the views hold what was readable at some moment since the opening. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
};

/** A feature reader without a responder, for who asks once. Errors: ConfigurationError MR_FEATURES_TTL. */
export async function openFeatureReader(options: FeatureReaderOptions): Promise<OpenedFeatureReader> {
  const { topics, clock, metrics, featureTtlMs = {} } = options;
  const online = new OnlineViews(featureTtlMs, metrics);
  const views = options.views ?? (await InProcessViewStore.open(options, topics));
  return {
    reader: new FeatureReader({ views, online, clock }),
    caughtUp: views.caughtUp,
    close: () => views.close(),
  };
}
