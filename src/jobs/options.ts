/** The options of jobs; those of trainings are the trainer's. */
import { count, option, text, whole, z } from '#platform/configuration';
import { isSchedule } from './schedule.ts';
import { isWhen, WHEN_FORMS } from './when.ts';

/** An option that says when a job runs. */
const when = () => z.string().refine(isWhen, { error: WHEN_FORMS });

/** An option that is a schedule, or `off`. */
export const schedule = () =>
  z.string().refine((given) => given === 'off' || isSchedule(given), {
    error: 'five fields of cron in UTC, or off',
  });

export const JOBS_OPTIONS = {
  jobs: {
    snapshot: option(when().default('off'))`
      When a snapshot is taken, which is then trained on: \`off\`, or forms separated by semicolons, such as
      \`0 2 * * *\` (five fields of cron in UTC), \`every 100000 events\`, \`every 6 hours\`, \`on start\`,
      \`on promoted\`, \`on snapshot\`.`,
    verification: option(when().default('off'))`
      When a running start verifies a sample of everything that is derived; the same forms.`,
    verificationShare: option(z.number().gt(0).max(1).default(0.05))`
      The share of tasks, batches, files and rows that a verification looks at.`,
    backup: option(when().default('off'))`
      When a running start ships what is new to jobs.backupPlace; the same forms.`,
    backupPlace: option(text().optional())`Where it is shipped to, as the argument of \`millrace backup\`.`,
    retention: option(when().default('*/10 * * * *'))`
      When versions that versions.keep and versions.keepDays give up are archived and their files removed; the same
      forms.`,
    compaction: option(when().default('* * * * *'))`
      When the embedded log removes what is past its retention and compacts what was replaced; the same forms.`,
    overlap: option(z.enum(['skip', 'queue', 'replace']).default('skip'))`
      What happens to a run of these jobs that is due while the one before is active: it is skipped, it waits, or it
      takes its place.`,
    deadlineMinutes: option(count().default(120))`Time after which a run of these jobs has failed, minutes.`,
    retries: option(whole().default(3))`
      How often a run of these jobs is tried again after a transient error, with growing pauses, and after its process
      ended in the middle.`,
  },
};
