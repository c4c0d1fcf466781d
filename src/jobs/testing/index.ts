/** For tests: an owner of jobs at work on a log in memory, under a clock that is moved by hand. */
import type { TestContext } from 'node:test';
import { TopicReader, writeRecords } from '#engine';
import { type Log, openSimulatedLog } from '#log';
import { type Clock, createLogger, createMetrics, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import type { JobRun } from '#schemas';
import { openTopics, type Topics } from '#topologies';
import type { Job, JobOutcome, JobPolicy } from '../job.ts';
import { readJobRuns } from '../ledger.ts';
import { JOBS_GROUP, runJobs } from '../scheduler.ts';
import { readWhen } from '../when.ts';

export const POLICY: JobPolicy = { overlap: 'skip', deadlineMs: 600_000, retries: 2 };
const logger = createLogger({ level: 'silent', name: 'test' });

export type JobsWorld = Awaited<ReturnType<typeof jobsWorld>>;

export async function jobsWorld(t: TestContext) {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  const topics = await openTopics(log, log.registry);
  const owners: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of owners) await stop();
    await log.close();
  });
  const state = { now: Date.UTC(2026, 0, 1, 2, 59) };
  const clock: Clock = {
    ...systemClock,
    now: () => state.now,
    // In a hurry: heartbeats and pauses between attempts take no time that a test waits for.
    sleep: (ms, signal) => systemClock.sleep(Math.min(ms / 100, 10_000), signal),
  };
  const source = { log, topics, clock };
  return {
    ...source,
    logger,
    state,
    until: eventually,
    runs: () => readJobRuns(source),
    /** What was noted of requests on topic `audit`. */
    acts: () => acts(source),
    /** Resolves with the runs of jobs when they are as wanted. */
    runsUntil: (isWanted: (runs: readonly JobRun[]) => boolean) =>
      eventually(async () => {
        const runs = await readJobRuns(source);
        return isWanted(runs) ? runs : undefined;
      }),
    /** An owner until it is stopped, or the test ends. */
    start: (
      jobs: readonly Job[],
      { instanceId = 'main', metrics = createMetrics(), sleep = clock.sleep } = {},
    ) => {
      const stopping = new AbortController();
      const { signal } = stopping;
      const life = { isOver: false };
      const mortal = { ...source, ...mortalOf({ log, clock: { ...clock, sleep } }, life, signal) };
      const running = runJobs(
        { ...mortal, logger, metrics, random: () => 0.5, instanceId, jobs, everyMs: 5 },
        signal,
      );
      running.catch(() => {});
      const stop = async () => {
        stopping.abort();
        await running.catch((error: unknown) => {
          if (!life.isOver) throw error;
        });
      };
      owners.push(stop);
      /** As if the process was killed: it says nothing to its group any more. */
      const kill = () => {
        life.isOver = true;
      };
      return { stop, kill, metrics };
    },
  };
}

async function acts({ log, topics }: { readonly log: Log; readonly topics: Topics }) {
  const reader = await TopicReader.open(log, topics.audit, { from: 'start' });
  try {
    const records = [];
    for await (const read of reader.untilEnd()) records.push(...read);
    return records.flatMap(({ value }) => value ?? []);
  } finally {
    await reader.close();
  }
}

function mortalOf(
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  life: { readonly isOver: boolean },
  signal: AbortSignal,
): { readonly log: Log; readonly clock: Clock } {
  const never = (until: AbortSignal | undefined) =>
    new Promise<void>((resolve) => until?.addEventListener('abort', () => resolve()));
  const joinGroup: Log['joinGroup'] = async (...args) => {
    if (life.isOver) await never(signal);
    signal.throwIfAborted();
    return log.joinGroup(...args);
  };
  const sleep: Clock['sleep'] = async (ms, until) => {
    await clock.sleep(ms, until);
    if (life.isOver && until?.aborted !== true) await never(until);
  };
  const mortal = new Proxy(log, {
    get: (target, name) => {
      const value: unknown = name === 'joinGroup' ? joinGroup : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { log: mortal, clock: { ...clock, sleep } };
}

/** Resolves when the owner has looked once more at everything that can be due. */
export async function ownerHasLooked({
  log,
  topics,
}: {
  readonly log: Log;
  readonly topics: Pick<Topics, 'job-requests'>;
}): Promise<void> {
  const request = {
    request_id: 'look',
    ts: 0,
    job: 'none',
    kind: 'resume',
    actor: null,
    reason: null,
  } as const;
  await writeRecords(log, topics['job-requests'], [{ key: 'none', value: request, timestamp: 0 }]);
  const [described] = await log.describeTopics(['job-requests']);
  const end = described?.offsets[0]?.stable ?? 0;
  await eventually(async () => {
    const [committed] = await log.committedOffsets(JOBS_GROUP, [{ topic: 'job-requests', partition: 0 }]);
    return (committed?.offset ?? 0) >= end;
  });
}

export function job(name: string, when: string, work: Job['work'], changes: Partial<Job> = {}): Job {
  return { name, about: `what ${name} does`, when: readWhen(when), policy: POLICY, work, ...changes };
}

export const done = async (): Promise<JobOutcome> => ({ text: 'done' });

/** Work that ends when it is told to, or when it is asked to. */
export function held() {
  const gates: PromiseWithResolvers<JobOutcome>[] = [];
  const work: Job['work'] = ({ signal }) => {
    const gate = Promise.withResolvers<JobOutcome>();
    gates.push(gate);
    const end = () => gate.reject(signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
    return gate.promise;
  };
  return { work, gates };
}
