import { randomUUID } from 'node:crypto';
import { TopicWriter } from '#engine';
import type { MetricValues } from '#models';
import { asActiveMember } from '#offline';
import { FatalError, invariant } from '#platform';
import type { Command, Snapshot, SnapshotRequest, Version } from '#schemas';
import { awaitDecision } from './decision.ts';
import { type CommandOutcome, type OnCommandDone, TrainerLoop, type TrainerOptions } from './trainer-loop.ts';

/** What a training came to, with the decision over its version. */
export type TrainingResult = {
  readonly version: string;
  readonly protocol: string;
  readonly model: MetricValues;
  readonly popularity: MetricValues;
  readonly decayedPopularity: MetricValues;
  readonly decision: Version;
};

const group = 'trainer';

type Waiter = {
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly giveUp: (reason: unknown) => void;
};

/**
 * Follows `commands` and `snapshots`: `train` and `snapshot` commands and the schedule take snapshots, each new snapshot
 * is trained unless it is suspect, and its version is reported as a `publish` command. Positions are committed behind what is done: a restart trains nothing again,
 * and what a crash cut short is done again, with the same version as its result.
 */
export class Trainer {
  readonly #options: TrainerOptions;
  /** Calls of `train`, by the id of their command. */
  readonly #waiters = new Map<string, Waiter>();

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  /**
   * Works until `signal` aborts; a training that is under way is given up then, and done again after a restart. What
   * can't be trained goes to the dead letters. Rejects where the log or the disk fails.
   */
  async run(signal: AbortSignal): Promise<void> {
    let reason: unknown = stopped();
    const onCommandDone: OnCommandDone = (id, outcome) => {
      const waiter = this.#waiters.get(id);
      if (outcome.kind === 'failed') waiter?.giveUp(outcome.error);
      else waiter?.resolve(outcome);
    };
    try {
      const { commands, snapshots } = this.#options.topics;
      const committedTopics = [commands.name, snapshots.name];
      await asActiveMember({ ...this.#options, group, committedTopics }, signal, async (place) => {
        const loop = await TrainerLoop.open(this.#options, place, onCommandDone);
        try {
          await loop.run();
        } finally {
          await loop.close();
        }
      });
    } catch (error) {
      reason = error;
      throw error;
    } finally {
      for (const { giveUp } of this.#waiters.values()) giveUp(reason);
    }
  }

  /**
   * Sends a `train` command and waits for the decision over its version; `force` trains on a suspect snapshot as well. To
   * be called while `run` is at work here, and the topology that decides anywhere. Errors: those of takeSnapshot and
   * trainFromSnapshot; InputError MR_SNAPSHOT_SUSPECT; FatalError MR_TRAINER_STOPPED; the signal's reason.
   */
  async train(
    { seed, force = false }: { readonly seed: number; readonly force?: boolean },
    signal?: AbortSignal,
  ): Promise<TrainingResult> {
    const { log, topics } = this.#options;
    return this.#asked({ kind: 'train', seed, force, snapshot: null }, signal, async (outcome, whole) => {
      invariant(outcome.kind === 'trained', 'a train command ends with a version');
      const decision = await awaitDecision(log, topics.versions, outcome.candidate.version, whole);
      const { version, protocol, metrics, popularity, decayed_popularity } = decision.candidate;
      return {
        version,
        protocol,
        model: metrics,
        popularity,
        decayedPopularity: decayed_popularity,
        decision,
      };
    });
  }

  /** Sends a `snapshot` command and waits for the snapshot. Errors: as `train`. */
  async takeSnapshot(request: SnapshotRequest, signal?: AbortSignal): Promise<Snapshot> {
    const command = { kind: 'snapshot', seed: null, force: false, snapshot: request } as const;
    return this.#asked(command, signal, async (outcome) => {
      invariant(outcome.kind === 'taken', 'a snapshot command ends with a snapshot');
      return outcome.snapshot;
    });
  }

  async #asked<T>(
    command: Pick<Command, 'kind' | 'seed' | 'force' | 'snapshot'>,
    signal: AbortSignal | undefined,
    finish: (outcome: CommandOutcome, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const id = `${command.kind}-${randomUUID()}`;
    const { promise, resolve, reject } = Promise.withResolvers<CommandOutcome>();
    const ended = new AbortController();
    const whole = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    whole.addEventListener('abort', () => reject(whole.reason));
    this.#waiters.set(id, { resolve, giveUp: (reason) => ended.abort(reason) });
    try {
      const sent = this.#send({
        command_id: id,
        ts: this.#options.clock.now(),
        candidate: null,
        ...command,
      });
      const [outcome] = await Promise.all([promise, sent]);
      return await finish(outcome, whole);
    } finally {
      this.#waiters.delete(id);
    }
  }

  async #send(command: Command): Promise<void> {
    const writer = await TopicWriter.open(this.#options.log, this.#options.topics.commands);
    try {
      await writer.write([{ key: command.command_id, value: command, timestamp: command.ts }]);
    } finally {
      await writer.close();
    }
  }
}

function stopped(): FatalError {
  return new FatalError('MR_TRAINER_STOPPED', 'The trainer has stopped before the training was done.', {
    hint: 'Start it again: a command that was sent is carried out then.',
  });
}
