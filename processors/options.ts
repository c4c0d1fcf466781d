/** The options of admission, of examples and of the gates that versions pass. */
import { count, option, whole, z } from '#platform/configuration';
import { meantMetric } from './gate-metrics.ts';

const HOUR_MS = 3_600_000;

const unknownPolicy = () => z.enum(['accept', 'refuse']).default('accept');

const gates = z.record(z.string().max(100), z.number()).superRefine((given, { addIssue }) => {
  for (const name of Object.keys(given)) {
    const meant = meantMetric(name);
    if (meant !== undefined)
      addIssue({ code: 'custom', message: `a metric, as ${meant} is; ${name} is none` });
  }
});

export const PROCESSORS_OPTIONS = {
  admission: {
    latenessMs: option(whole().default(10_000))`
      How far an event may lag the newest one before its time is moved up, ms.`,
    dedupHorizonMs: option(count().default(24 * HOUR_MS))`
      Event time over which a repeated event id is recognised, ms.`,
    futureMs: option(whole().default(HOUR_MS / 12))`
      How far ahead of the clock an event may be before it is refused, ms.`,
    userPendingEvents: option(count().default(10_000))`
      Events of one user that may await processing; \`POST /events\` refuses more with 429. Each server counts the ones
      it has accepted.`,
    unknownItem: option(unknownPolicy())`
      What happens to an event of an item that the catalogue does not have: it is counted either way, and refused ones
      go to the dead letters.`,
    unknownUser: option(unknownPolicy())`
      What happens to an event of a user without a profile: it is counted either way, and refused ones go to the dead
      letters.`,
  },
  examples: {
    outcomeWindowMs: option(count().default(HOUR_MS / 2))`
      How long an example waits for its outcome, in event time, ms.`,
    weights: option(
      z
        .partialRecord(
          z.enum(['view', 'click', 'complete', 'like', 'comment', 'rating', 'purchase', 'quiz_score']),
          z.number().min(0),
        )
        .default({}),
    )`
      Weight of an event in training, by its kind; 0 leaves the kind out. By default view and click count 0.5, the
      others 1.`,
  },
  versions: {
    promotion: option(z.enum(['automatic', 'by-approval']).default('automatic'))`
      Whether a version that passes the gates is promoted at once, or waits for \`millrace promote\`.`,
    gates: option(gates.default({ 'recall@100': 0.1, 'sampled-ndcg@10': 0.3, auc: 0.6 }))`
      The minimum that a version must reach, by metric; applies to versions that have the metric.`,
    production: option(z.enum(['not-worse', 'any']).default('not-worse'))`
      Whether a version is rejected when it is worse than the one in force on the same rows, beyond chance.`,
    keep: option(count().default(10))`
      Newest versions of each role and status that a running start keeps; others are archived and their files removed,
      unless they are in use.`,
    keepDays: option(z.number().min(0).default(0))`Age below which every version is kept, days.`,
  },
  gate: {
    minimumLift: option(z.number().min(0).default(1))`
      A version is promoted when its quality is at least this many times that of the better popularity baseline.`,
  },
};
