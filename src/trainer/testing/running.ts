/** Trainers at work on a small world, in this process. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { memoryDatabases, StreamsRuntime } from '#engine';
import { readJobRuns, runJobs } from '#jobs';
import { takeSnapshot } from '#offline';
import { fillSmallWorld, readAll, type SmallWorld, smallWorld, write } from '#offline/testing';
import { type Clock, createLogger, createMetrics, systemClock } from '#platform';
import { loopTopology } from '#topologies';
import { declareTrainingJobs } from '../jobs/declared.ts';
import { openTrainingJobs } from '../jobs/training-jobs.ts';
import { readRuns } from '../runs/ledger.ts';
import { isOver } from '../runs/run.ts';
import { Trainer } from '../trainer.ts';
import type { TrainerOptions } from '../trainer-options.ts';

export const config = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 1 };
export const logger = createLogger({ level: 'silent', name: 'test' });
/** In a hurry: heartbeats and waits take a tenth of their time. */
export const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) };

/** A log, with the examples of a small world where it is filled. */
export async function world(t: TestContext, filled = true): Promise<SmallWorld> {
  const opened = await smallWorld(t);
  if (filled) await fillSmallWorld(opened);
  return opened;
}

export function trainerOf(opened: SmallWorld, changes: Partial<TrainerOptions> = {}): Trainer {
  return new Trainer({ ...opened, clock, logger, seed: 1, config, instanceId: 'main', ...changes });
}

/** Runs a trainer while `work` runs; stops it in order. */
export async function whileRunning<T>(trainer: Trainer, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const running = trainer.run(stop.signal);
  try {
    return await Promise.race([work(), running.then(() => assert.fail('the trainer has ended'))]);
  } finally {
    stop.abort();
    await running;
  }
}

/** Has the trainer's jobs carried out, by whichever trainer is at work, while `work` runs. */
export async function whileScheduling<T>(
  opened: SmallWorld,
  changes: Partial<Pick<TrainerOptions, 'clock' | 'training' | 'snapshots'>>,
  work: () => Promise<T>,
): Promise<T> {
  const options = { ...opened, clock, ...changes };
  const jobs = await openTrainingJobs(options, declareTrainingJobs(options));
  const stop = new AbortController();
  const rest = { logger, metrics: createMetrics(), random: () => 0, instanceId: 'main', everyMs: 20 };
  const running = runJobs({ ...options, ...rest, jobs }, stop.signal);
  try {
    return await Promise.race([work(), running.then(() => assert.fail('the owner of the jobs has ended'))]);
  } finally {
    stop.abort();
    await running;
  }
}

/** Each run of a job: what began it, how it ended, and why. */
export async function jobRuns(opened: SmallWorld): Promise<string[]> {
  const runs = await readJobRuns(opened);
  return runs.map(({ job, trigger, status, error_code }) =>
    `${job} ${trigger} ${status} ${error_code ?? ''}`.trim(),
  );
}

/** Runs the real topology, which decides over versions, while `work` runs. */
export async function whileDeciding<T>({ log, topics }: SmallWorld, work: () => Promise<T>): Promise<T> {
  const admission = { latenessMs: 0, dedupHorizonMs: 1, futureMs: 1, count: () => {} };
  const runtime = new StreamsRuntime({
    log,
    topology: await loopTopology(topics, log.registry, { admission, gate: { minimumLift: 0 } }),
    databases: memoryDatabases(),
    clock,
    logger,
    metrics: createMetrics(),
    deadLetters: topics['dead-letters'],
    instanceId: 'main',
    commitIntervalMs: 10,
  });
  await runtime.start();
  const stop = new AbortController();
  const running = runtime.run(stop.signal);
  try {
    return await work();
  } finally {
    stop.abort();
    await running;
  }
}

export const published = async ({ log, topics }: SmallWorld) =>
  (await readAll(log, topics.commands)).flatMap(({ value }) => (value?.kind === 'publish' ? [value] : []));

export async function publishSnapshot(opened: SmallWorld) {
  const snapshot = await takeSnapshot({ ...opened, clock, logger });
  await write(opened.log, opened.topics.snapshots, [snapshot], ({ snapshot_id }) => snapshot_id);
  return snapshot;
}

/** Whether the trainers' group has committed everything that the two topics hold, and every run is over. */
export async function isAllCommitted({ log, topics }: SmallWorld): Promise<true | undefined> {
  const places = ['commands', 'snapshots'].map((topic) => ({ topic, partition: 0 }));
  const ends = await log.describeTopics(places.map(({ topic }) => topic));
  const committed = await log.committedOffsets('trainer', places);
  const isAll = places.every(({ topic }, i) => {
    return (committed[i]?.offset ?? 0) >= (ends.find(({ name }) => name === topic)?.offsets[0]?.stable ?? 0);
  });
  return (isAll && (await readRuns({ log, topics })).every(isOver)) || undefined;
}

/** Every run: what requested it, how it ended, and why. */
export async function ends(opened: SmallWorld): Promise<string[]> {
  const runs = await readRuns(opened);
  return runs.map(({ trigger, status, error }) => `${trigger} ${status} ${error?.code ?? ''}`.trim());
}
