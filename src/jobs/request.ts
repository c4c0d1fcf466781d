import { randomUUID } from 'node:crypto';
import { audited } from '#audit';
import { writeRecords } from '#engine';
import type { Log } from '#log';
import type { Clock } from '#platform';
import type { JobRequest, JobRequestKind } from '#schemas';
import type { Topics } from '#topologies';
import type { JobDeclaration } from './job.ts';
import { unknownJob } from './refusals.ts';

export type RequestEnvironment = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'job-requests' | 'audit'>;
  readonly clock: Clock;
};

export type Requested = {
  readonly kind: JobRequestKind;
  readonly job: string;
  readonly actor: string;
  readonly reason?: string | null;
};

/**
 * Asks the owner of the jobs for something, as an act on topic `audit`. Returns the id of the request; of `run`, it is the
 * run's as well. Errors: InputError MR_JOB_UNKNOWN.
 */
export async function requestJob(
  environment: RequestEnvironment,
  jobs: readonly JobDeclaration[],
  { kind, job, actor, reason = null }: Requested,
): Promise<string> {
  const request_id = randomUUID().slice(0, 8);
  const { log, topics, clock } = environment;
  await audited(
    environment,
    { act: `jobs ${kind}`, actor, subject: job, details: { request_id } },
    async () => {
      requireJob(jobs, job);
      const value: JobRequest = { request_id, ts: clock.now(), job, kind, actor, reason };
      await writeRecords(log, topics['job-requests'], [{ key: job, value, timestamp: value.ts }]);
    },
  );
  return request_id;
}

/** Errors: InputError MR_JOB_UNKNOWN. */
export function requireJob(jobs: readonly JobDeclaration[], name: string): JobDeclaration {
  const found = jobs.find((job) => job.name === name);
  if (found !== undefined) return found;
  throw unknownJob(
    name,
    jobs.map((job) => job.name),
  );
}
