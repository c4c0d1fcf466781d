/** The routes of jobs. */
import { operation, z } from '#platform/api';

const time = z.number().nullable();

const run = z
  .strictObject({
    run_id: z.string(),
    ts: z.number().describe('When the run last changed; ms since the epoch, as are all times.'),
    job: z.string(),
    trigger: z.enum(['cron', 'interval', 'count', 'event', 'start', 'request']),
    cause: z.string(),
    status: z.enum(['waiting', 'running', 'succeeded', 'failed', 'skipped', 'cancelled']),
    attempts: z.int(),
    created: z.number(),
    started: time,
    ended: time,
    owner: z.string().nullable().describe('The process that carries it out.'),
    outcome: z.string(),
    error_code: z.string().nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'JobRun' });

const job = z
  .strictObject({
    job: z.string(),
    about: z.string(),
    when: z.array(z.string()).describe('Empty for a job that is run by hand alone.'),
    overlap: z.enum(['skip', 'queue', 'replace']),
    deadline_ms: time,
    retries: z.int(),
    paused: z.boolean(),
    next: time.describe('The next time of a schedule.'),
    last: run.nullable(),
  })
  .meta({ id: 'ListedJob', description: 'As `millrace jobs --json` prints it.' });

const example = {
  job: 'compaction',
  about: 'Clean the embedded log.',
  when: ['* * * * *'],
  overlap: 'skip' as const,
  deadline_ms: 7_200_000,
  retries: 3,
  paused: false,
  next: 1_769_760_060_000,
  last: null,
};

const named = z.object({ job: z.string().describe('As GET /jobs lists it.') });
const errors = { 404: ['MR_JOB_UNKNOWN'] };

export const listJobs = operation({
  id: 'listJobs',
  method: 'GET',
  path: '/jobs',
  tag: 'jobs',
  access: { right: 'observe' },
  summary: 'The jobs, when each runs, and its newest run.',
  answer: {
    description: 'Whichever process carries them out.',
    schema: z.strictObject({ jobs: z.array(job) }),
    example: { jobs: [example] },
  },
});

export const showJob = operation({
  id: 'showJob',
  method: 'GET',
  path: '/jobs/:job',
  tag: 'jobs',
  access: { right: 'observe' },
  summary: 'A job with its history.',
  params: named,
  answer: {
    description: 'Runs, oldest first; of those that have ended the newest hundred.',
    schema: z.strictObject({ job, runs: z.array(run) }),
    example: { job: example, runs: [] },
  },
  errors,
  example: { params: { job: 'compaction' } },
});

const text = z.string().min(1).max(1_000).nullish();

export const requestJob = operation({
  id: 'requestJob',
  method: 'POST',
  path: '/admin/jobs/:job/:action',
  tag: 'jobs',
  access: { right: 'jobs', refuseUnlimited: true },
  summary: 'Run a job now, cancel its runs, pause it or resume it.',
  description:
    'Answers as soon as the request is on the log, where the owner of the jobs takes it up. A paused job still runs by hand.',
  params: named.extend({ action: z.enum(['run', 'cancel', 'pause', 'resume']) }),
  body: z.object({ reason: text.describe('Why.') }).nullish(),
  answer: {
    status: 202,
    description: 'The id of the request; of `run`, it is the run’s as well.',
    schema: z.strictObject({ request_id: z.string() }),
    example: { request_id: '3f2a91c0' },
  },
  errors,
  example: { params: { job: 'compaction', action: 'run' }, body: { reason: 'the disk fills' } },
});

export const JOB_OPERATIONS = [listJobs, showJob, requestJob];
