/** The steps of `millrace start`, in the order that serves the first answer soonest. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelSettings } from '#models';
import { readRegistry, readVersions } from '#offline';
import { type DirectoryLock, errorCode, type Progress, type Shutdown, systemClock } from '#platform';
import { versionInForce } from '#processors';
import { openResponder, type Recommendation, type Responder } from '#responders';
import type { Version } from '#schemas';
import {
  type CarryOverNotes,
  catchUp,
  cleanPeriodically,
  type Installation,
  makeWorld,
  newestRecords,
  openViewsInRedis,
  type Pipeline,
  responderOptions,
  serve,
  startAgents,
  startArchive,
  startNotifications,
  startPipeline,
  throwIfInterrupted,
  type ViewsInRedis,
} from '#service';
import type { World } from '#simulator';
import type { Trainer } from '#trainer';
import { collectPeriodically } from '#versions';
import { printAnswer } from '../answers/recommend.ts';
import { commandProgress, grouped, notice, type Output } from '../output.ts';
import { rankingLine, startTrainer } from '../training/training.ts';
import { printSummary } from './summary.ts';

export type BringUpOptions = {
  readonly shutdown: Shutdown;
  readonly output: Output;
  readonly lock: DirectoryLock;
  /** When the command began, on the monotonic clock, ms. */
  readonly startedAt: number;
};

/** How long a version that was promoted may take to be loaded. */
const LOADING_MS = 20_000;

/** How long the task that owns the versions may take to archive one. */
const DECIDING_MS = 120_000;

/** Resolves when everything is up; `failed` rejects when a part of it ends by itself. */
export async function bringUp(
  installation: Installation,
  { shutdown, output, lock, startedAt }: BringUpOptions,
): Promise<{ readonly failed: Promise<never> }> {
  const { signal } = shutdown;
  const progress = commandProgress(output, signal);
  // Refused before this process joins the group and its members write anything.
  await installation.pseudonyms();
  const pipeline = await startPipeline(installation, shutdown, carryOverNotes(output));
  const worldAt = systemClock.monotonic();
  const made = await makeWorld(installation, { progress, signal });
  const madeMs = systemClock.monotonic() - worldAt;
  // Answers come from the rows that are there while an earlier release's state is carried over.
  const processed = pipeline.isTakingOver ? { events: 0, ms: 0 } : await catchUp(pipeline, progress);
  throwIfInterrupted(signal);

  const model = await bringUpModel(installation, pipeline, { shutdown, output, progress });
  const answer = await firstAnswer(installation, model.responder, made?.world);
  const firstAnswerMs = systemClock.monotonic() - startedAt;
  throwIfInterrupted(signal);
  if (answer !== undefined && !output.json) showAnswer(output, answer);

  const url = await serve(installation, { ...model, pipeline }, shutdown);
  lock.publishAddress(url);
  const eventsPerSecond = bringUpAgents(installation, { world: made?.world, url, shutdown });
  // Brokers clean by themselves.
  if (installation.embedded !== undefined) {
    const cleaning = cleanPeriodically({
      ...installation,
      log: installation.embedded,
      clock: systemClock,
      signal,
    });
    shutdown.add('cleaning', () => cleaning);
  }
  const collecting = collectPeriodically({
    ...installation,
    dataDirectory: installation.configuration.data,
    rule: installation.configuration.versions,
    clock: systemClock,
    patienceMs: DECIDING_MS,
    signal,
  });
  shutdown.add('collecting', () => collecting);
  const archive = await startArchive(installation, shutdown);
  const notifications = startNotifications(installation, shutdown);
  // A training that is asked for later has no bar in this terminal.
  progress.hush();
  if (model.isNew) trainRankers(installation, model, { output, signal });
  const { configuration } = installation;
  const { decided, trainedMs } = model;
  const failed = Promise.race([model.failed, archive.failed, notifications.failed]);
  const hasImports = existsSync(join(installation.directory, 'imports'));
  const said = { configuration, made, hasImports, madeMs, processed, decided, trainedMs };
  printSummary(output, { ...said, answer, firstAnswerMs, url, eventsPerSecond });
  return { failed };
}

/** Between two lines about a carry-over. */
const NOTE_EVERY_MS = 5_000;

/** Lines for the terminal: what is drawn there belongs to what goes on at the same time. */
function carryOverNotes(output: Output): CarryOverNotes {
  let notedAt = systemClock.monotonic();
  let copied = 0;
  return {
    onProgress: (done, total) => {
      copied = done;
      if (systemClock.monotonic() - notedAt < NOTE_EVERY_MS) return;
      notedAt = systemClock.monotonic();
      const percent = Math.floor((100 * done) / Math.max(1, total));
      notice(
        output,
        `Carrying over the state of an earlier release: ${percent}% of ${grouped(total)} records`,
      );
    },
    onWaiting: (why) => notice(output, `Waiting to carry over the state of an earlier release: ${why}`),
    onDone: () =>
      notice(
        output,
        `Carried over the state of an earlier release: ${grouped(copied)} records. Processing has started.`,
      ),
  };
}

type Model = {
  readonly responder: Responder;
  readonly views: ViewsInRedis | undefined;
  /** The version in force, or the one that was refused; undefined where there is none. */
  readonly decided: Version | undefined;
  readonly trainer: Trainer;
  /** Whether this start has trained the version that answers. */
  readonly isNew: boolean;
  /** Undefined where nothing was trained. */
  readonly trainedMs: number | undefined;
  /** Rejects when the trainer or processing end by themselves. */
  readonly failed: Promise<never>;
};

/** A responder that answers from the version in force, which is trained where no version was decided on before. */
async function bringUpModel(
  installation: Installation,
  pipeline: Pipeline,
  {
    shutdown,
    output,
    progress,
  }: Pick<BringUpOptions, 'shutdown' | 'output'> & { readonly progress: Progress },
): Promise<Model> {
  const { configuration } = installation;
  const { signal } = shutdown;
  const options = await responderOptions(installation);
  const views = await openViewsInRedis(installation, options.modules, shutdown);
  const responder = await openResponder({ ...options, ...(views && { views: views.store }) });
  shutdown.add('responder', () => responder.close());
  const { trainer, failed: trainerFailed } = await startTrainer(installation, progress, shutdown);
  const failed = Promise.race([pipeline.failed, trainerFailed]);
  failed.catch(() => {});

  const trainedAt = systemClock.monotonic();
  const published = await readVersions(installation);
  const known = published.filter(({ candidate }) => candidate.role === 'retrieval');
  // What is archived may not be used any more: an erasure leaves nothing else where every version held the user.
  const isNew = known.every(({ status }) => status === 'archived');
  const train = () => Promise.race([trainer.train(configuration.training, signal), failed]);
  const newest = isNew ? await decisionOf(train, output) : known.at(-1);
  const trainedMs = isNew ? systemClock.monotonic() - trainedAt : undefined;
  const inForce = versionInForce(await readRegistry(installation), 'retrieval');
  await serving(responder, inForce, { isNew, data: configuration.data, output, signal });
  return { responder, views, trainer, isNew, decided: inForce ?? newest, trainedMs, failed };
}

/** Models that rank, on the snapshot of the version that answers: it is better to answer first. */
function trainRankers(
  { configuration, logger }: Installation,
  { trainer, decided }: Model,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): void {
  const models = modelSettings(configuration.declared).rankers;
  if (models.length === 0 || decided?.status !== 'promoted') return;
  const wanted = {
    seed: configuration.training.seed,
    models,
    snapshotId: decided.candidate.snapshot_id,
  };
  trainer.train(wanted, signal).then(
    ({ decision }) => notice(output, rankingLine(decision)),
    (err: unknown) => {
      // Whoever publishes no impressions is served without a ranker.
      if (!signal.aborted) logger.info({ err }, 'no ranker was trained');
    },
  );
}

/** Returns the rate of the agents' events; 0 where there are none. */
function bringUpAgents(
  { configuration, logger, metrics }: Installation,
  { world, url, shutdown }: { world: World | undefined; url: string; shutdown: Shutdown },
): number {
  const { liveEventsPerSecond: eventsPerSecond } = configuration.simulation;
  if (world === undefined || eventsPerSecond === 0) return 0;
  const agents = startAgents({ world, eventsPerSecond, url, logger, metrics });
  shutdown.add('agents', () => agents.stop());
  return eventsPerSecond;
}

/** The decision over the first version; none where there is nothing to train on yet. */
async function decisionOf(
  run: () => Promise<{ readonly decision: Version }>,
  output: Output,
): Promise<Version | undefined> {
  try {
    return (await run()).decision;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'MR_SNAPSHOT_SUSPECT') {
      notice(output, `${(error as Error).message} Popular items are served. See: millrace snapshot --last`);
    } else if (code === 'MR_SNAPSHOT_EMPTY') {
      notice(output, 'There is nothing to train on yet, so popular items are served. Later: millrace train');
    } else throw error;
    return undefined;
  }
}

/**
 * Waits until the responder answers from `version`. One of an earlier start is loaded or refused when it is ready; one
 * that was just promoted reaches it a moment later.
 */
async function serving(
  responder: Responder,
  version: Version | undefined,
  { isNew, data, output, signal }: { isNew: boolean; data: string; output: Output; signal: AbortSignal },
): Promise<void> {
  await responder.ready();
  const until = systemClock.monotonic() + (isNew ? LOADING_MS : 0);
  while (version !== undefined && responder.version !== version.version) {
    throwIfInterrupted(signal);
    if (systemClock.monotonic() >= until) {
      notice(output, whyNotServed(version, data));
      return;
    }
    await systemClock.sleep(20, signal);
  }
}

/** The files of a version lie in the data directory that trained it, while the log tells every directory of it. */
function whyNotServed({ version, candidate }: Version, data: string): string {
  const path = join(data, candidate.directory);
  if (existsSync(path)) return `Version ${version} cannot be served; the log lines above say why.`;
  return `Version ${version} cannot be served: ${path} does not exist, since another data directory trained it. Popular items are served until you copy ${candidate.directory} from there; it is then loaded automatically.`;
}

/** Events among whose users one is looked for whose id is known. */
const RECENT_EVENTS = 200;

/**
 * For a user of the newest events, named by their id where the world tells it and else as the log does; none where there
 * are no events.
 */
async function firstAnswer(
  installation: Installation,
  responder: Responder,
  world: World | undefined,
): Promise<Recommendation | undefined> {
  const { log, topics } = installation;
  const pseudonyms = await installation.pseudonyms();
  const { reader, newest } = await newestRecords(log, topics['interactions-accepted'], RECENT_EVENTS);
  await reader.close();
  const event = newest.at(-1);
  if (event === undefined) return undefined;
  const active = new Set(newest.map(({ key }) => key));
  for (const { user_id } of world?.users() ?? []) {
    if (active.has(pseudonyms.known(user_id) ?? '')) return responder.recommend(user_id);
  }
  return responder.recommendTo(event.key);
}

function showAnswer(output: Output, answer: Recommendation): void {
  output.line();
  printAnswer(output, answer);
  output.line();
}
