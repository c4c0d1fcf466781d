import type { Log } from '#log';
import type { Clock, Logger, Metrics } from '#platform';
import type { FeatureViewVersion } from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import { TopicFollower } from '../topic-follower.ts';
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
  /** The views of modules; those of users have to be in `views`, where that is given. */
  readonly modules?: readonly OpenedView[];
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
  const { topics, clock, modules = [] } = options;
  const { online, versions } = await openOnlineViews(options);
  const views = options.views ?? (await InProcessViewStore.open(options, topics, modules));
  return {
    reader: new FeatureReader({ views, online, clock }),
    caughtUp: Promise.all([views.caughtUp, versions.caughtUp]).then(() => {}),
    close: () => Promise.all([views.close(), versions.close()]).then(() => {}),
  };
}

/** The views as they are read online, and the follower that tells them which versions are live. Errors: MR_FEATURES_TTL. */
export async function openOnlineViews({
  modules = [],
  featureTtlMs = {},
  ...environment
}: Omit<FeatureReaderOptions, 'views'>): Promise<{
  readonly online: OnlineViews;
  readonly versions: TopicFollower<FeatureViewVersion>;
}> {
  const views = modules.map(({ view }) => view);
  const online = new OnlineViews(featureTtlMs, environment.metrics, views);
  const topic = environment.topics['feature-views'];
  const versions = await TopicFollower.open(environment, topic, ({ key, value }) => online.note(key, value));
  return { online, versions };
}
