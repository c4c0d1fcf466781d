import { type Topic, TopicReader, type TopicRecord, TopicWriter } from '#engine';
import type { Log } from '#engine/log';
import type { TwoTowerConfig } from '#models';
import { type Clock, type Logger, MillraceError, type Progress, type ProgressStep } from '#platform';
import type { Candidate, Command, DeadLetter, Snapshot } from '#schemas';
import type { Topics } from '#topologies';
import { takeSnapshot } from './snapshot.ts';
import { trainFromSnapshot } from './train-from-snapshot.ts';
import type { TrainerPlace } from './trainer-group.ts';

export type TrainerOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: Progress;
  /** Of trainings that nobody gave one for. */
  readonly seed: number;
  /** What differs from the model's defaults. */
  readonly config?: Partial<Omit<TwoTowerConfig, 'seed'>>;
  /** This process's name among the trainers: started again under it, it goes on at once. */
  readonly instanceId: string;
};

export type CommandOutcome =
  | { readonly kind: 'trained'; readonly candidate: Candidate }
  | { readonly kind: 'failed'; readonly error: unknown };
export type OnCommandDone = (commandId: string, outcome: CommandOutcome) => void;

const idlePollMs = 200;

/** A train command whose snapshot is taken and not trained yet. */
type Pending = {
  readonly commandId: string;
  readonly offset: number;
  readonly snapshotId: string;
  readonly seed: number;
};

/** The trainer's work for as long as it holds its place in the group. */
export class TrainerLoop {
  readonly #options: TrainerOptions;
  readonly #place: TrainerPlace;
  readonly #onCommandDone: OnCommandDone;
  readonly #commands: TopicReader<string, Command>;
  readonly #snapshots: TopicReader<string, Snapshot>;
  #queue: TopicRecord<string, Command>[] = [];
  #pending: Pending | undefined;
  /** The seed that a snapshot was last asked for with, by its id. */
  readonly #seeds = new Map<string, number>();
  /** What was trained, by snapshot and seed: a snapshot that a crash made be announced twice is trained once. */
  readonly #trained = new Map<string, Candidate>();
  #committed: string | undefined;

  private constructor(
    options: TrainerOptions,
    place: TrainerPlace,
    onCommandDone: OnCommandDone,
    commands: TopicReader<string, Command>,
    snapshots: TopicReader<string, Snapshot>,
  ) {
    this.#options = options;
    this.#place = place;
    this.#onCommandDone = onCommandDone;
    this.#commands = commands;
    this.#snapshots = snapshots;
  }

  /** Reads on from the committed positions. */
  static async open(
    options: TrainerOptions,
    place: TrainerPlace,
    onCommandDone: OnCommandDone,
  ): Promise<TrainerLoop> {
    const { log, topics, logger } = options;
    const open = async <V>(topic: Topic<string, V>) => {
      const from = await place.positions([{ topic: topic.name, partition: 0 }]);
      return TopicReader.open(log, topic, {
        from,
        onUndecodable: (at, err) =>
          logger.error({ ...at, err }, 'a record that cannot be decoded is passed over'),
      });
    };
    return new TrainerLoop(
      options,
      place,
      onCommandDone,
      await open(topics.commands),
      await open(topics.snapshots),
    );
  }

  /**
   * Takes commands before snapshots, and one at a time: after a restart a command says again with which seed the
   * snapshot is wanted that it had taken before.
   */
  async run(): Promise<void> {
    const { signal } = this.#place;
    while (!signal.aborted) {
      if (this.#pending === undefined) await this.#nextCommand();
      if (signal.aborted) return;
      const polled = await this.#snapshots.poll(this.#isBusy ? 0 : idlePollMs);
      for (const record of polled) {
        if (!(await this.#handleSnapshot(record))) return;
        await this.#commit(record.offset + 1);
      }
      if (polled.length === 0) await this.#commit(this.#snapshots.positions[0] ?? 0);
    }
  }

  async close(): Promise<void> {
    await this.#commands.close();
    await this.#snapshots.close();
  }

  get #isBusy(): boolean {
    return this.#queue.length > 0 || this.#pending !== undefined;
  }

  async #nextCommand(): Promise<void> {
    if (this.#queue.length === 0) {
      this.#queue = (await this.#commands.poll(0)).filter(({ value }) => value?.kind === 'train');
    }
    const record = this.#queue.shift();
    if (record?.value == null) return;
    const { command_id: commandId, seed } = record.value;
    try {
      const snapshot = await takeSnapshot(this.#options);
      this.#pending = {
        commandId,
        offset: record.offset,
        snapshotId: snapshot.snapshot_id,
        seed: seed ?? this.#options.seed,
      };
      this.#seeds.set(this.#pending.snapshotId, this.#pending.seed);
      await this.#write(this.#options.topics.snapshots, snapshot.snapshot_id, snapshot, snapshot.ts);
    } catch (error) {
      if (!isOfTheInput(error)) throw error;
      await this.#bury(this.#options.topics.commands, record, error);
      this.#onCommandDone(commandId, { kind: 'failed', error });
    }
  }

  /** False when it was given up because the place is lost or the trainer is to stop. */
  async #handleSnapshot(record: TopicRecord<string, Snapshot>): Promise<boolean> {
    const { value: snapshot } = record;
    if (snapshot === null) return true;
    const seed = this.#seeds.get(snapshot.snapshot_id) ?? this.#options.seed;
    try {
      const candidate = await this.#train(snapshot, seed);
      this.#finish(snapshot, seed, { kind: 'trained', candidate });
    } catch (error) {
      if (this.#place.signal.aborted) return false;
      if (!isOfTheInput(error)) throw error;
      await this.#bury(this.#options.topics.snapshots, record, error);
      this.#finish(snapshot, seed, { kind: 'failed', error });
    }
    return true;
  }

  #finish({ snapshot_id }: Snapshot, seed: number, outcome: CommandOutcome): void {
    const pending = this.#pending;
    if (pending?.snapshotId !== snapshot_id || pending.seed !== seed) return;
    this.#pending = undefined;
    this.#onCommandDone(pending.commandId, outcome);
  }

  /** Trains and reports; a version that was reported before is known to its judge and changes nothing. */
  async #train(snapshot: Snapshot, seed: number): Promise<Candidate> {
    const training = `${snapshot.snapshot_id} ${seed}`;
    const known = this.#trained.get(training);
    if (known !== undefined) return known;
    const { logger, dataDirectory, config = {}, topics, clock, progress } = this.#options;
    let step: ProgressStep | undefined;
    const { candidate } = await trainFromSnapshot(snapshot, {
      dataDirectory,
      seed,
      config,
      signal: this.#place.signal,
      onProgress: ({ step: done, steps, loss }) => {
        step ??= progress?.start('Training', steps);
        step?.update(done, `loss ${loss.toFixed(3)}`);
      },
    });
    const { version, metrics } = candidate;
    step?.done(`recall@10 ${metrics['recall@10']?.toFixed(3)}`);
    logger.info({ version, snapshot: snapshot.snapshot_id, seed, metrics }, 'a version is trained');
    const publish: Command = {
      command_id: `publish-${version}`,
      ts: clock.now(),
      kind: 'publish',
      seed: null,
      candidate,
    };
    await this.#write(topics.commands, publish.command_id, publish, publish.ts);
    this.#trained.set(training, candidate);
    return candidate;
  }

  /** Keeps what can't be done where people look for it, so that the trainer can go on. */
  async #bury<V>(
    topic: Topic<string, V>,
    record: TopicRecord<string, V>,
    error: MillraceError,
  ): Promise<void> {
    const { logger, topics } = this.#options;
    const { partition, offset, key, value, timestamp } = record;
    logger.error({ topic: topic.name, partition, offset, err: error }, 'a training could not be done');
    const letter: DeadLetter = {
      topic: topic.name,
      partition,
      offset,
      operator: 'trainer',
      reason: error.code,
      message: error.message,
      timestamp,
      key: Buffer.from(key),
      value: value === null ? null : topic.value.encode(value),
    };
    await this.#write(topics['dead-letters'], topic.name, letter, timestamp);
  }

  async #write<V>(topic: Topic<string, V>, key: string, value: V, timestamp: number): Promise<void> {
    const writer = await TopicWriter.open(this.#options.log, topic);
    try {
      await writer.write([{ key, value, timestamp }]);
    } finally {
      await writer.close();
    }
  }

  async #commit(snapshotsAt: number): Promise<void> {
    const { topics } = this.#options;
    const unfinished = this.#pending?.offset ?? this.#queue[0]?.offset;
    const commandsAt = unfinished ?? this.#commands.positions[0] ?? 0;
    const position = `${commandsAt} ${snapshotsAt}`;
    if (position === this.#committed) return;
    await this.#place.commit([
      { topic: topics.commands.name, partition: 0, offset: commandsAt },
      { topic: topics.snapshots.name, partition: 0, offset: snapshotsAt },
    ]);
    this.#committed = position;
  }
}

/** Whether the snapshot or the command is at fault; where the log or the disk fails, a restart may help. */
function isOfTheInput(error: unknown): error is MillraceError {
  return error instanceof MillraceError && !/^MR_(LOG_|INVARIANT)/.test(error.code);
}
