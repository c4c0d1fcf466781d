/** The options of the archive and of snapshots. */
import { count, option, seed, whole, z } from '#platform/configuration';

const share = (least: number) => z.number().min(least).max(0.45);
const perPositive = () => whole().max(100).default(0);
const drift = () => z.number().positive();

export const OFFLINE_OPTIONS = {
  offline: {
    flushSeconds: option(z.number().positive().default(60))`
      Time after which buffered records are written to the archive, seconds.`,
    flushRecords: option(count().default(200_000))`
      Records of a topic that are archived without waiting for that time; up to this many are held in memory.`,
    eventsDays: option(count().default(90))`Event time for which the archive keeps events, days.`,
    featuresDays: option(count().default(365))`
      Event time for which the archive keeps examples and the history of views, days.`,
  },
  snapshots: {
    everyHours: option(z.number().min(0).default(0))`
      Take a snapshot, and train on it, when the last one is this many hours old; 0 for only on request.`,
    everyExamples: option(whole().default(0))`
      Take a snapshot, and train on it, after this many new examples; 0 for only on request.`,
    keep: option(count().default(10))`
      Newest snapshots that are kept, besides the one that the version in force was trained on.`,
    split: option(z.enum(['per-user-last', 'by-time']).default('per-user-last'))`
      What is held out: the newest items of each user, or the newest of all examples.`,
    testShare: option(share(0.01).default(0.2))`Share of the positives that are held out for the test.`,
    validationShare: option(share(0).default(0.1))`Share of the positives before those, for validation.`,
    negatives: option(perPositive())`Negatives for each positive, drawn uniformly from all items.`,
    popularNegatives: option(perPositive())`
      Negatives for each positive, drawn in proportion to how many positives the items had.`,
    coVisitNegatives: option(perPositive())`
      Negatives for each positive, drawn in proportion to how many users had them along with one of the user's last ten
      items: candidates as an index would find them at that time.`,
    sourceNegatives: option(perPositive())`
      Negatives for each positive, drawn as the other sources of an answer would find them at that time: of what went
      along with the user's last items, was popular in the category of one of them, popular, trending or new.`,
    seed: option(seed().default(1))`Seed for drawing negatives.`,
    maxPsi: option(drift().default(0.25))`
      Population stability index against the last snapshot above which a column is suspect.`,
    maxKs: option(drift().default(0.25))`
      Kolmogorov-Smirnov statistic against the last snapshot above which a column is suspect.`,
    maxMissingIncrease: option(drift().default(0.1))`
      Rise of the share of missing values over the last snapshot above which a column is suspect.`,
  },
};
