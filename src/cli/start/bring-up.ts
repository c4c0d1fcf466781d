/** The steps of `millrace start`, in the order that serves the first answer soonest. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DirectoryLock, invariant, type Shutdown, systemClock } from '#platform';
import type { ConfigurationSources } from '#platform/configuration';
import {
  type Composed,
  catchUp,
  composeRoles,
  fetchByCertificate,
  type Installation,
  makeWorld,
  planWorld,
  ROLE_NAMES,
  startAgents,
  throwIfInterrupted,
} from '#service';
import type { World } from '#simulator';
import { backupWork } from '../backup/backup-job.ts';
import { commandProgress, notice, type Output } from '../output.ts';
import { carryOverNotes } from './carry-over-notes.ts';
import { tellClicks } from './clicks.ts';
import { firstAnswer, showAnswer } from './first-answer.ts';
import { bringUpModel, trainBehind, usableVersions } from './first-version.ts';
import { printSummary } from './summary.ts';

export type BringUpOptions = {
  readonly shutdown: Shutdown;
  readonly output: Output;
  readonly lock: DirectoryLock;
  /** When the command began, on the monotonic clock, ms. */
  readonly startedAt: number;
  /** The hash of the plan that was accepted. */
  readonly accepted?: string | undefined;
  /** What the configuration was read from. */
  readonly sources: ConfigurationSources;
};

/** Resolves when everything is up; `failed` rejects when a part of it ends by itself. */
export async function bringUp(
  installation: Installation,
  { shutdown, output, lock, startedAt, accepted, sources }: BringUpOptions,
): Promise<{ readonly failed: Promise<never> }> {
  const { signal } = shutdown;
  const progress = commandProgress(output, signal);
  const works = { backUp: backupWork(installation, sources) };
  const roles = { roles: ROLE_NAMES, notes: carryOverNotes(output), works, accepted };
  const composed = await composeRoles(installation, roles, shutdown);
  const { pipeline, responder, trainer, quality } = allOf(composed);
  const planned = await planWorld(installation);
  const known = await usableVersions(installation);
  const isNew = known.length === 0;
  composed.phase = isNew ? 'making world' : 'catching up';
  // Events are taken, and answers come from what is there, however much is to be done first.
  const url = await composed.serve();
  lock.publishAddress(url);
  const meanwhile = isNew
    ? `Popular items are served at ${url} until the first version is trained.`
    : `Answers come from ${url} while what came since the last run is processed.`;
  notice(output, meanwhile);
  const worldAt = systemClock.monotonic();
  const made = planned && (await makeWorld(installation, planned, { progress, signal }));
  const madeMs = systemClock.monotonic() - worldAt;
  if (isNew) composed.phase = 'training';
  // Answers come from the rows that are there while an earlier release's state is carried over.
  const processed = pipeline.isTakingOver ? { events: 0, left: 0, ms: 0 } : await catchUp(pipeline, progress);
  throwIfInterrupted(signal);

  const bringing = { pipeline, responder, trainer, known, shutdown, output, progress };
  const model = await bringUpModel(installation, bringing);
  const answer = await firstAnswer(installation, responder, made?.world);
  const firstAnswerMs = systemClock.monotonic() - startedAt;
  throwIfInterrupted(signal);
  if (answer !== undefined && !output.json) showAnswer(output, answer);

  composed.phase = 'up';
  const { ownToken: token } = composed;
  const eventsPerSecond = bringUpAgents(installation, { world: made?.world, url, token, shutdown });
  const begun = await composed.begin();
  // A training requested later has no progress bar in this terminal.
  progress.hush();
  if (isNew) trainBehind(installation, model, { output, signal });
  const { configuration } = installation;
  const { decided, trainedMs } = model;
  const failed = Promise.race([model.failed, begun.failed]);
  const hasImports = existsSync(join(installation.directory, 'imports'));
  const said = { configuration, made, hasImports, madeMs, processed, decided, trainedMs };
  printSummary(output, { ...said, answer, firstAnswerMs, url, eventsPerSecond });
  for (const { version, code } of responder.refused) {
    const from = `"millrace repair ${version} --from DIR" brings it back from a copy, "millrace train" makes another`;
    notice(output, `Version ${version} was promoted and cannot be loaded (${code}): ${from}.`);
  }
  const telling = tellClicks(quality, { output, signal });
  shutdown.add('clicks', () => telling);
  return { failed };
}

function allOf(all: Composed) {
  const has = <T>(part: T | undefined): T => {
    invariant(part !== undefined, 'it has all roles');
    return part;
  };
  return {
    pipeline: has(all.pipeline),
    responder: has(all.responder),
    trainer: has(all.trainer),
    quality: has(all.quality),
  };
}

type AgentsEnvironment = {
  readonly world: World | undefined;
  readonly url: string;
  readonly token: string;
  readonly shutdown: Shutdown;
};

/** Returns the rate of the agents' events; 0 where there are none. */
function bringUpAgents(
  { configuration, certificate, logger, metrics }: Installation,
  { world, shutdown, ...server }: AgentsEnvironment,
): number {
  const { liveEventsPerSecond: eventsPerSecond } = configuration.simulation;
  if (world === undefined || eventsPerSecond === 0) return 0;
  const fetch = fetchByCertificate(configuration, certificate());
  const agents = startAgents({ world, eventsPerSecond, ...server, fetch, logger, metrics });
  shutdown.add('agents', () => agents.stop());
  return eventsPerSecond;
}
