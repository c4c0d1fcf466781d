import { randomUUID } from 'node:crypto';
import {
  type ActivePlace,
  asActiveMember,
  type MemberRole,
  type Topic,
  TopicReader,
  writeRecords,
} from '#engine';
import type { Log } from '#log';
import type { MetricValues } from '#models';
import { FatalError, invariant } from '#platform';
import { isDecision } from '#processors';
import {
  type Command,
  commandOf,
  type IndexBuild,
  runRequest,
  type Snapshot,
  type SnapshotRequest,
  type Version,
} from '#schemas';
import { ItemVectors } from './indexing/item-vectors.ts';
import { type CommandOutcome, type OnCommandDone, TrainerLoop } from './trainer-loop.ts';
import type { TrainerOptions } from './trainer-options.ts';

/** What a training came to, with the decision over its version. */
export type TrainingResult = {
  readonly version: string;
  readonly protocol: string;
  readonly model: MetricValues;
  readonly popularity: MetricValues;
  readonly decayedPopularity: MetricValues;
  readonly decision: Version;
};

/** Parameters of a training request; its models and their parameters override the trainer's own. */
export type Wanted = {
  readonly seed: number;
  /** Also on a suspect snapshot. */
  readonly force?: boolean;
  readonly models?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** The snapshot to train on; one that is taken for it unless told otherwise. */
  readonly snapshotId?: string;
};

const GROUP = 'trainer';
const DECISION_POLL_MS = 200;

type Waiter = {
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly giveUp: (reason: unknown) => void;
};

/**
 * Follows `commands` and `snapshots`: what they ask for, and what its schedules do, becomes runs on topic `runs`, of which
 * one job after the other is carried out. All that it writes goes out in transactions under its place in the group, so no
 * run is carried out twice; what a crash cut short goes on from its last checkpoint, here or in another process.
 */
export class Trainer {
  readonly #options: TrainerOptions;
  /** Calls of `train`, by the id of their command. */
  readonly #waiters = new Map<string, Waiter>();
  #role: MemberRole | undefined;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  /**
   * Works until `signal` aborts; a run that is under way is left as it is then, and gone on with after a restart. One that
   * fails says why on `runs`; commands that can't be understood go to the dead letters. A log that is unavailable is waited for.
   */
  async run(signal: AbortSignal): Promise<void> {
    let reason: unknown = stopped();
    const onCommandDone: OnCommandDone = (id, outcome) => {
      const waiter = this.#waiters.get(id);
      if (outcome.kind === 'failed') waiter?.giveUp(outcome.error);
      else waiter?.resolve(outcome);
    };
    try {
      const { logger, topics } = this.#options;
      const member = {
        ...this.#options,
        group: GROUP,
        committedTopics: [topics.commands.name, topics.snapshots.name],
        onRole: (role: MemberRole) => {
          this.#role = role;
          if (role === 'standby') logger.info('this process stands by: another one trains');
        },
      };
      await asActiveMember(member, signal, (place) => this.#work(place, onCommandDone));
    } catch (error) {
      reason = error;
      throw error;
    } finally {
      for (const { giveUp } of this.#waiters.values()) giveUp(reason);
    }
  }

  /** Undefined until the group has told whether this process is the one that trains. */
  get role(): MemberRole | undefined {
    return this.#role;
  }

  /**
   * Sends a `train` command and waits for the decision over its version; of several models over the first's. To
   * be called while `run` is at work here, and the topology that decides anywhere. Errors: those of takeSnapshot and
   * trainFromSnapshot; InputError MR_SNAPSHOT_SUSPECT; FatalError MR_TRAINER_STOPPED; the signal's reason.
   */
  async train(
    { seed, force = false, models = [], config = {}, snapshotId }: Wanted,
    signal?: AbortSignal,
  ): Promise<TrainingResult> {
    const run = runRequest({
      models: [...models],
      config: JSON.stringify(config),
      snapshot_id: snapshotId ?? null,
    });
    const { log, topics } = this.#options;
    return this.#asked({ kind: 'train', seed, force, run }, signal, async (outcome, whole) => {
      invariant(outcome.kind === 'trained', 'a train command ends with runs');
      const trained = outcome.runs.find(({ version }) => version !== null)?.version;
      invariant(trained != null, 'a run that has succeeded has a version');
      const decision = await awaitDecision(log, topics.versions, trained, whole);
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
    const command = { kind: 'snapshot', snapshot: request } as const;
    return this.#asked(command, signal, async (outcome) => {
      invariant(outcome.kind === 'taken', 'a snapshot command ends with a snapshot');
      return outcome.snapshot;
    });
  }

  async #asked<T>(
    command: Pick<Command, 'kind'> & Partial<Command>,
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
      const sent = this.#send(commandOf({ command_id: id, ts: this.#options.clock.now(), ...command }));
      const [outcome] = await Promise.all([promise, sent]);
      return await finish(outcome, whole);
    } finally {
      this.#waiters.delete(id);
    }
  }

  #send(command: Command): Promise<void> {
    const { log, topics } = this.#options;
    return writeRecords(log, topics.commands, [
      { key: command.command_id, value: command, timestamp: command.ts },
    ]);
  }

  /** Builds an index of the whole catalogue for the version in force, and waits for it. Errors: MR_REINDEX_NO_VERSION, MR_REINDEX_MODEL. */
  async reindex(signal?: AbortSignal): Promise<IndexBuild> {
    return this.#asked({ kind: 'reindex' }, signal, async (outcome) => {
      invariant(outcome.kind === 'indexed', 'a reindex command ends with an index');
      return outcome.build;
    });
  }

  /** Until the place is lost, or one of the two fails, which ends the other. */
  async #work(place: ActivePlace, onCommandDone: OnCommandDone): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([place.signal, ended.signal]);
    const vectors = await ItemVectors.open(this.#options);
    try {
      const loop = await TrainerLoop.open(this.#options, { ...place, signal }, onCommandDone);
      this.#options.logger.info('this process trains');
      const works = [loop.run(), vectors.run(signal)].map((work) => work.finally(() => ended.abort()));
      await Promise.allSettled(works);
      await loop.close();
      await Promise.all(works);
    } finally {
      await vectors.close();
    }
  }
}

/** Waits until `versions` says what is decided over a version; at once where that was decided before. */
async function awaitDecision(
  log: Log,
  versions: Topic<string, Version>,
  version: string,
  signal: AbortSignal,
): Promise<Version> {
  const reader = await TopicReader.open(log, versions, { from: 'start' });
  try {
    for (;;) {
      for (const { value } of await reader.poll(DECISION_POLL_MS)) {
        if (value?.version === version && isDecision(value)) return value;
      }
      signal.throwIfAborted();
    }
  } finally {
    await reader.close();
  }
}

function stopped(): FatalError {
  return new FatalError('MR_TRAINER_STOPPED', 'The trainer stopped before the training was done.', {
    hint: 'Restart it: it then carries out the command.',
  });
}
