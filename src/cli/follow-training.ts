/** `millrace train` beside a running start: the command goes over the log, and so does what comes of it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { TopicReader, TopicWriter } from '#engine';
import { localArtifacts } from '#models';
import { FatalError, inspectLock, systemClock } from '#platform';
import type { Command, DeadLetter, Version } from '#schemas';
import type { TrainingResult } from '#trainer';
import type { Installation } from './installation.ts';
import { throwIfInterrupted } from './interruption.ts';
import { resultOf } from './training.ts';
import { readVersions } from './versions.ts';

const POLL_MS = 200;
const TRAINER_GROUP = 'trainer';

/**
 * Sends a train command and waits for the decision over its version. Errors: FatalError MR_TRAINER_STOPPED when the
 * start ends before, MR_TRAINING_FAILED when nothing could be trained.
 */
export async function followTraining(
  installation: Installation,
  { seed, force }: { readonly seed: number; readonly force: boolean },
  signal: AbortSignal,
): Promise<TrainingResult> {
  const { log, topics, configuration } = installation;
  const letters = await TopicReader.open(log, topics['dead-letters'], { from: 'end' });
  const sentAt = systemClock.now();
  const { offset } = await sendCommand(installation, {
    ts: sentAt,
    kind: 'train',
    seed,
    force,
    snapshot: null,
  });
  try {
    for (;;) {
      throwIfInterrupted(signal);
      const isHeld = inspectLock(configuration.data).held;
      for (const { value } of await letters.poll(POLL_MS)) if (value !== null) refuseFailed(value, offset);
      const at = { topic: topics.commands.name, partition: 0 };
      const [committed] = await log.committedOffsets(TRAINER_GROUP, [at]);
      const isDone = (committed?.offset ?? 0) > offset;
      const decision = isDone ? await decisionSince(installation, seed, sentAt) : undefined;
      if (decision !== undefined) return resultOf(decision);
      if (!isHeld) throw stopped();
    }
  } finally {
    await letters.close();
  }
}

type Sent = { readonly commandId: string; readonly offset: number };

/** Writes a command for the trainer, and gives its place on the topic. */
export async function sendCommand(
  { log, topics }: Installation,
  command: Pick<Command, 'ts' | 'kind' | 'seed' | 'force' | 'snapshot'>,
): Promise<Sent> {
  const commandId = `${command.kind}-${randomUUID()}`;
  const reader = await TopicReader.open(log, topics.commands, { from: 'end' });
  const writer = await TopicWriter.open(log, topics.commands);
  try {
    const value = { command_id: commandId, candidate: null, ...command };
    await writer.write([{ key: commandId, value, timestamp: command.ts }]);
    for (;;) {
      const sent = (await reader.poll(POLL_MS)).find(({ key }) => key === commandId);
      if (sent !== undefined) return { commandId, offset: sent.offset };
    }
  } finally {
    await writer.close();
    await reader.close();
  }
}

/** The decision over a version of this seed and of a snapshot that was asked for at `since` or later. */
async function decisionSince(
  installation: Installation,
  seed: number,
  since: number,
): Promise<Version | undefined> {
  const snapshots = await snapshotsSince(installation, since);
  const artifacts = localArtifacts(join(installation.configuration.data, 'versions'));
  for (const decision of (await readVersions(installation)).toReversed()) {
    const isDecided = decision.status === 'promoted' || decision.status === 'rejected';
    if (!isDecided || !snapshots.has(decision.candidate.snapshot_id)) continue;
    if ((await artifacts.open(decision.version)).manifest.seed === seed) return decision;
  }
  return undefined;
}

async function snapshotsSince({ log, topics }: Installation, since: number): Promise<ReadonlySet<string>> {
  const reader = await TopicReader.open(log, topics.snapshots, { from: 'start' });
  const ids = new Set<string>();
  for await (const records of reader.untilEnd()) {
    for (const { value } of records) if (value !== null && value.ts >= since) ids.add(value.snapshot_id);
  }
  await reader.close();
  return ids;
}

function refuseFailed({ topic, operator, offset, reason, message }: DeadLetter, commandOffset: number): void {
  const isOurs = operator === 'trainer' && (topic !== 'commands' || offset === commandOffset);
  if (!isOurs) return;
  throw new FatalError('MR_TRAINING_FAILED', `The running start could not train: ${reason}: ${message}`, {
    hint:
      reason === 'MR_SNAPSHOT_SUSPECT'
        ? 'Look at millrace snapshot --last; where the change is meant, run: millrace train --force'
        : 'See millrace events tail dead-letters -n 1.',
  });
}

function stopped(): FatalError {
  return new FatalError('MR_TRAINER_STOPPED', 'The running start has ended before the training was done.', {
    hint: 'Start it again: a command that was sent is carried out then.',
  });
}
