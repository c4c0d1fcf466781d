/** `millrace train` beside a running start: the command and its outcome travel over the log. */

import { randomUUID } from 'node:crypto';
import { type Topic, TopicReader, writeRecords } from '#engine';
import { readVersions } from '#offline';
import { FatalError, inspectLock, systemClock } from '#platform';
import { isDecision } from '#processors';
import { type Command, commandOf, type DeadLetter, type Run, runRequest, type Version } from '#schemas';
import { type Installation, throwIfInterrupted } from '#service';
import { isOver, type TrainingResult, type Wanted } from '#trainer';
import { resultOf } from './training.ts';

const POLL_MS = 200;

/**
 * Sends a train command and waits for the decision over its version. Errors: FatalError MR_TRAINER_STOPPED when the
 * start ends before, MR_TRAINING_FAILED when nothing could be trained.
 */
export async function followTraining(
  installation: Installation,
  { seed, force = false, models = [], config = {} }: Wanted,
  signal: AbortSignal,
): Promise<TrainingResult> {
  const run = runRequest({ models: [...models], config: JSON.stringify(config) });
  const command = { ts: systemClock.now(), kind: 'train', seed, force, run } as const;
  const runs = await followRuns(installation, command, { signal });
  const trained = runs.find(({ version }) => version !== null)?.version;
  if (trained == null) throw failedRun(runs[0]);
  for (;;) {
    const decision = (await readVersions(installation)).find(isDecisionOver(trained));
    if (decision !== undefined) return resultOf(decision);
    throwIfInterrupted(signal);
    if (!inspectLock(installation.configuration.data).held) throw stopped();
    await systemClock.sleep(POLL_MS, signal);
  }
}

export type FollowOptions = {
  readonly signal: AbortSignal;
  /** Told of each change of a run that the command has led to. */
  readonly onRun?: (run: Run) => void;
};

/**
 * Sends a train command and waits until its runs are over, however they end. Errors: FatalError MR_TRAINER_STOPPED when
 * the process that trains ends before, MR_TRAINING_FAILED when the command could not be understood.
 */
export async function followRuns(
  installation: Installation,
  command: Pick<Command, 'ts' | 'kind'> & Partial<Command>,
  { signal, onRun }: FollowOptions,
): Promise<readonly Run[]> {
  const runs = new Map<string, Run>();
  return followCommand(installation, command, {
    topic: installation.topics.runs,
    take: (changes, commandId) => {
      for (const run of changes) {
        if (run.command_id !== commandId) continue;
        runs.set(run.run_id, run);
        onRun?.(run);
      }
      const found = [...runs.values()];
      return found.length > 0 && found.every(isOver) ? found : undefined;
    },
    refused: ({ reason, message }) => failed(reason, message, 'See millrace events tail dead-letters -n 1.'),
    stopped,
    signal,
  });
}

type Following<V, R> = {
  /** Where what comes of the command is written. */
  readonly topic: Topic<string, V>;
  /** Given the new values; returns the result once it is there. */
  take(values: readonly V[], commandId: string): R | undefined;
  /** The error when the trainer could not carry out the command. */
  refused(letter: DeadLetter): Error;
  /** The error when the process that trains ended before. */
  stopped(): Error;
  readonly signal: AbortSignal;
};

/** Sends a command and waits for its result. */
export async function followCommand<V, R>(
  installation: Installation,
  command: Pick<Command, 'ts' | 'kind'> & Partial<Command>,
  { topic, take, refused, stopped, signal }: Following<V, R>,
): Promise<R> {
  const { log, topics, configuration } = installation;
  const letters = await TopicReader.open(log, topics['dead-letters'], { from: 'end' });
  const changes = await TopicReader.open(log, topic, { from: 'end' });
  try {
    const { commandId, offset } = await sendCommand(installation, command);
    for (;;) {
      throwIfInterrupted(signal);
      const isHeld = inspectLock(configuration.data).held;
      const polled = await changes.poll(POLL_MS);
      const result = take(
        polled.flatMap(({ value }) => (value === null ? [] : [value])),
        commandId,
      );
      if (result !== undefined) return result;
      for (const { value } of await letters.poll(0)) {
        const isOurs = value?.operator === 'trainer' && value.topic === 'commands';
        if (isOurs && value.offset === offset) throw refused(value);
      }
      if (!isHeld) throw stopped();
    }
  } finally {
    await letters.close();
    await changes.close();
  }
}

type Sent = { readonly commandId: string; readonly offset: number };

/** Writes a command for the trainer, and returns its place on the topic. */
export async function sendCommand(
  { log, topics }: Installation,
  command: Pick<Command, 'ts' | 'kind'> & Partial<Command>,
): Promise<Sent> {
  const commandId = `${command.kind}-${randomUUID()}`;
  const reader = await TopicReader.open(log, topics.commands, { from: 'end' });
  try {
    const value = commandOf({ command_id: commandId, ...command });
    await writeRecords(log, topics.commands, [{ key: commandId, value, timestamp: command.ts }]);
    for (;;) {
      const sent = (await reader.poll(POLL_MS)).find(({ key }) => key === commandId);
      if (sent !== undefined) return { commandId, offset: sent.offset };
    }
  } finally {
    await reader.close();
  }
}

/** Whether a step shows that the version was decided; what follows a decision does not undo it. */
function isDecisionOver(version: string): (step: Version) => boolean {
  return (step) => {
    const isBehind = step.status === 'rolled_back' || step.status === 'archived';
    return step.version === version && (isDecision(step) || isBehind);
  };
}

function failedRun(run: Run | undefined): FatalError {
  const { code = 'MR_TRAINING_FAILED', message = 'there was no run', hint = null } = run?.error ?? {};
  return failed(code, message, hint ?? `See millrace runs show ${run?.run_id}.`);
}

function failed(code: string, message: string, hint: string): FatalError {
  return new FatalError('MR_TRAINING_FAILED', `The running start could not train: ${code}: ${message}`, {
    hint,
  });
}

function stopped(): FatalError {
  return new FatalError('MR_TRAINER_STOPPED', 'The running start ended before the training was done.', {
    hint: 'Restart it: it resumes the run.',
  });
}
