/** The owner of the jobs, or one that stands by, as long as "millrace start" runs. */
import { type Job, type JobContext, type JobOutcome, runJobs } from '#jobs';
import { type Shutdown, systemClock } from '#platform';
import { openTrainingJobs } from '#trainer';
import { collectOld } from '#versions';
import { cleanOnce } from '../cleaning.ts';
import type { Installation } from '../installation.ts';
import { runUntilShutdown } from '../interruption.ts';
import { trainingPlan } from '../training-plans.ts';
import { declareJobs, listedJobs } from './declared.ts';
import { verifySample } from './verification.ts';

/** How long the task that owns the versions may take to archive one. */
const DECIDING_MS = 120_000;

/** What the commands know how to do. */
export type JobWorks = {
  /** Ships a backup; undefined where no place for it is configured. */
  readonly backUp: ((context: JobContext) => Promise<JobOutcome>) | undefined;
};

/** Starts carrying out jobs. `failed` rejects when that ends by itself. */
export async function startJobs(
  installation: Installation,
  works: JobWorks,
  shutdown: Shutdown,
): Promise<{ readonly failed: Promise<never> }> {
  const jobs = await jobsOf(installation, works);
  const options = { ...installation, clock: systemClock, random: Math.random, jobs };
  return runUntilShutdown('jobs', shutdown, (signal) => runJobs(options, signal));
}

async function jobsOf(installation: Installation, { backUp }: JobWorks): Promise<readonly Job[]> {
  const { configuration, embedded, log, topics, metrics, files } = installation;
  const declared = declareJobs(configuration);
  const clock = systemClock;
  const training = trainingPlan(configuration);
  const ofTraining = await openTrainingJobs({ log, topics, clock, training }, declared);
  const collecting = {
    ...{ log, topics, clock, metrics, files },
    dataDirectory: configuration.data,
    rule: configuration.versions,
    patienceMs: DECIDING_MS,
  };
  const works: Readonly<Record<string, Job['work'] | undefined>> = {
    verification: (context) => verifySample(installation, context),
    retention: async ({ signal }) => ({ text: `${await collectOld({ ...collecting, signal })} versions` }),
    backup: backUp,
    compaction: embedded && (({ signal }) => compact({ log: embedded, metrics, signal })),
  };
  const others = listedJobs(configuration).flatMap((job): readonly Job[] => {
    const work = works[job.name];
    return work === undefined ? [] : [{ ...job, work }];
  });
  return [...ofTraining, ...others];
}

async function compact(options: Parameters<typeof cleanOnce>[0]): Promise<JobOutcome> {
  const cleaned = await cleanOnce(options);
  if (cleaned.skipped) return { text: 'another process cleans the log', isSkipped: true };
  const batches = cleaned.expiredBatches + cleaned.purgedBatches;
  const records = cleaned.compactedRecords + cleaned.expiredTombstones;
  return { text: `${batches} batches and ${records} records removed` };
}
