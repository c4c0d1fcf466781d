/** The jobs of an installation, as the configuration has them. */
import { type JobDeclaration, type JobPolicy, readWhen } from '#jobs';
import { declareTrainingJobs } from '#trainer';
import type { Configuration } from '../configuration.ts';
import { snapshotPlan, trainingPlan } from '../training-plans.ts';

/** By name. */
export function declareJobs(configuration: Configuration) {
  const { overlap, deadlineMinutes, retries, snapshot, ...jobs } = configuration.jobs;
  const policy: JobPolicy = { overlap, deadlineMs: deadlineMinutes * 60_000, retries };
  const training = declareTrainingJobs({
    training: trainingPlan(configuration),
    snapshots: snapshotPlan(configuration),
    snapshot: readWhen(snapshot),
  });
  return {
    ...training,
    verification: {
      name: 'verification',
      about: 'Verify a sample of everything that is derived.',
      when: readWhen(jobs.verification),
      policy,
    },
    backup: {
      name: 'backup',
      about: 'Ship what is new to the backup.',
      when: readWhen(jobs.backup),
      policy,
    },
    retention: {
      name: 'retention',
      about: 'Archive old versions and remove their files.',
      when: readWhen(jobs.retention),
      policy,
    },
    compaction: {
      name: 'compaction',
      about: 'Remove and compact what the embedded log need not keep.',
      when: readWhen(jobs.compaction),
      policy,
    },
  } as const satisfies Readonly<Record<string, JobDeclaration>>;
}

/** Those that can be carried out here: brokers keep and clean their log by themselves. */
export function listedJobs(configuration: Configuration): readonly JobDeclaration[] {
  const { log, jobs } = configuration;
  const { backup, compaction, ...others } = declareJobs(configuration);
  const ofEmbedded = [...(jobs.backupPlace === undefined ? [] : [backup]), compaction];
  return [...Object.values(others), ...(log === 'embedded' ? ofEmbedded : [])];
}
