import { type HttpReply, type HttpServer, InputError, sendProblem } from '#platform';
import type { JobRun } from '#schemas';
import type { Topics } from '#topologies';
import type { JobDeclaration } from './job.ts';
import { readJobRuns } from './ledger.ts';
import { type ListedJob, listJobs } from './listing.ts';
import * as operations from './operations.ts';
import { type RequestEnvironment, requestJob, requireJob } from './request.ts';

export type JobRoutesOptions = RequestEnvironment & {
  readonly topics: Pick<Topics, 'job-runs' | 'jobs' | 'job-requests' | 'audit'>;
  /** Those of this installation. */
  readonly jobs: readonly JobDeclaration[];
};

/** `GET /jobs`, `GET /jobs/:job` and `POST /admin/jobs/:job/:action`, which leave it to the owner of the jobs to act. */
export function registerJobRoutes(server: HttpServer, options: JobRoutesOptions): void {
  const { jobs, clock } = options;
  const ofKnown = async <T>(reply: HttpReply, work: () => Promise<T>) => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof InputError) return sendProblem(reply, 404, error);
      throw error;
    }
  };
  server.serve(operations.listJobs, async () => {
    return { jobs: (await listJobs(options, jobs, clock.now())).map(shown) };
  });
  server.serve(operations.showJob, ({ params, reply }) =>
    ofKnown(reply, async () => {
      const declared = requireJob(jobs, params.job);
      const [listed] = await listJobs(options, [declared], clock.now());
      const runs = (await readJobRuns(options)).filter(({ job }) => job === params.job);
      return { job: shown(listed as ListedJob), runs: runs.map(shownRun) };
    }),
  );
  server.serve(operations.requestJob, ({ params: { job, action }, body, caller, reply }) =>
    ofKnown(reply, async () => {
      const actor = caller?.name ?? 'unknown';
      const request_id = await requestJob(options, jobs, {
        kind: action,
        job,
        actor,
        reason: body?.reason ?? null,
      });
      return { request_id };
    }),
  );
}

const shown = ({ last, ...listed }: ListedJob) => ({ ...listed, last: last && shownRun(last) });

/** Without what only the scheduler goes on from. */
const shownRun = ({ counted: _, ...run }: JobRun) => run;
