import { randomUUID } from 'node:crypto';
import { TopicWriter } from '#engine';
import type { MetricValues } from '#models';
import { FatalError } from '#platform';
import type { Candidate, Command, Version } from '#schemas';
import { awaitDecision } from './decision.ts';
import { asActiveTrainer } from './trainer-group.ts';
import { type OnCommandDone, TrainerLoop, type TrainerOptions } from './trainer-loop.ts';

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
  readonly resolve: (candidate: Candidate) => void;
  readonly giveUp: (reason: unknown) => void;
};

/**
 * Follows `commands` and `snapshots`: a `train` command takes a snapshot, each new snapshot is trained, and its version
 * is reported as a `publish` command. Positions are committed behind what is done: a restart trains nothing again,
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
      if (outcome.kind === 'trained') waiter?.resolve(outcome.candidate);
      else waiter?.giveUp(outcome.error);
    };
    try {
      const { commands, snapshots } = this.#options.topics;
      const committedTopics = [commands.name, snapshots.name];
      await asActiveTrainer({ ...this.#options, group, committedTopics }, signal, async (place) => {
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
   * Sends a `train` command and waits for the decision over its version. To be called while `run` is at work here, and
   * the topology that decides anywhere. Errors: those of takeSnapshot and trainFromSnapshot; FatalError
   * MR_TRAINER_STOPPED; the signal's reason.
   */
  async train({ seed }: { readonly seed: number }, signal?: AbortSignal): Promise<TrainingResult> {
    signal?.throwIfAborted();
    const { log, topics, clock } = this.#options;
    const id = `train-${randomUUID()}`;
    const { promise, resolve, reject } = Promise.withResolvers<Candidate>();
    const ended = new AbortController();
    const whole = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    whole.addEventListener('abort', () => reject(whole.reason));
    this.#waiters.set(id, { resolve, giveUp: (reason) => ended.abort(reason) });
    try {
      const sent = this.#send({ command_id: id, ts: clock.now(), kind: 'train', seed, candidate: null });
      const [{ version }] = await Promise.all([promise, sent]);
      const decision = await awaitDecision(log, topics.versions, version, whole);
      const { protocol, metrics, popularity, decayed_popularity } = decision.candidate;
      return {
        version,
        protocol,
        model: metrics,
        popularity,
        decayedPopularity: decayed_popularity,
        decision,
      };
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
