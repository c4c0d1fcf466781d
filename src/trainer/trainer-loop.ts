import { type Topic, TopicReader, type TopicRecord, TopicWriter } from '#engine';
import type { Log } from '#engine/log';
import type { TwoTowerConfig } from '#models';
import {
  type ActivePlace,
  readSnapshots,
  readVersions,
  removableSnapshots,
  removeSnapshots,
  takeSnapshot,
} from '#offline';
import {
  type Clock,
  errorCode,
  type Logger,
  type MillraceError,
  type Progress,
  type ProgressStep,
} from '#platform';
import type { Candidate, Command, Snapshot, SnapshotRequest } from '#schemas';
import type { Topics } from '#topologies';
import { deadLetterOf, isOfTheInput, refuseWithdrawn, suspectSnapshot } from './refusals.ts';
import { defaultPlan, requestedOptions, type SnapshotPlan } from './snapshot-plan.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import { trainFromSnapshot } from './train-from-snapshot.ts';

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
  /** How snapshots are taken, when without being asked for, and how many are kept. */
  readonly snapshots?: SnapshotPlan;
  /** This process's name among the trainers: started again under it, it goes on at once. */
  readonly instanceId: string;
};

export type CommandOutcome =
  | { readonly kind: 'trained'; readonly candidate: Candidate }
  | { readonly kind: 'taken'; readonly snapshot: Snapshot }
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

/** How the training of a snapshot was asked for. */
type Wanted = { readonly seed: number; readonly force: boolean };

/** The trainer's work for as long as it holds its place in the group. */
export class TrainerLoop {
  readonly #options: TrainerOptions;
  readonly #place: ActivePlace;
  readonly #onCommandDone: OnCommandDone;
  readonly #commands: TopicReader<string, Command>;
  readonly #snapshots: TopicReader<string, Snapshot>;
  readonly #schedule: SnapshotSchedule;
  #queue: TopicRecord<string, Command>[] = [];
  #pending: Pending | undefined;
  /** How a snapshot was last asked for, by its id. */
  readonly #wanted = new Map<string, Wanted>();
  /** What was trained, by snapshot and seed: a snapshot that a crash made be announced twice is trained once. */
  readonly #trained = new Map<string, Candidate>();
  #committed: string | undefined;

  private constructor(
    options: TrainerOptions,
    place: ActivePlace,
    onCommandDone: OnCommandDone,
    commands: TopicReader<string, Command>,
    snapshots: TopicReader<string, Snapshot>,
    schedule: SnapshotSchedule,
  ) {
    this.#options = options;
    this.#place = place;
    this.#onCommandDone = onCommandDone;
    this.#commands = commands;
    this.#snapshots = snapshots;
    this.#schedule = schedule;
  }

  /** Reads on from the committed positions. */
  static async open(
    options: TrainerOptions,
    place: ActivePlace,
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
      await SnapshotSchedule.open(options, options.snapshots ?? defaultPlan),
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
      if (!this.#isBusy && (await this.#schedule.isDue())) await this.#takeScheduled();
      const polled = await this.#snapshots.poll(this.#isBusy ? 0 : idlePollMs);
      for (const record of polled) {
        if (!(await this.#handleSnapshot(record))) return;
        await this.#commit(record.offset + 1);
      }
      if (polled.length === 0) await this.#commit(this.#snapshots.positions[0] ?? 0);
      else if (this.#snapshots.isAtEnd) await this.#removeOld();
    }
  }

  async close(): Promise<void> {
    await this.#commands.close();
    await this.#snapshots.close();
    await this.#schedule.close();
  }

  get #isBusy(): boolean {
    return this.#queue.length > 0 || this.#pending !== undefined;
  }

  async #nextCommand(): Promise<void> {
    if (this.#queue.length === 0) {
      const isOurs = (command: Command | null) => command?.kind === 'train' || command?.kind === 'snapshot';
      this.#queue = (await this.#commands.poll(0)).filter(({ value }) => isOurs(value));
    }
    const record = this.#queue.shift();
    if (record?.value == null) return;
    const { command_id: commandId, kind, seed, force, snapshot: request } = record.value;
    try {
      const snapshot = await this.#take(request, commandId);
      if (kind === 'train') {
        const wanted = { seed: seed ?? this.#options.seed, force };
        const { offset } = record;
        this.#pending = { commandId, offset, snapshotId: snapshot.snapshot_id, seed: wanted.seed };
        this.#wanted.set(snapshot.snapshot_id, wanted);
      }
      await this.#announce(snapshot);
      if (kind === 'snapshot') this.#onCommandDone(commandId, { kind: 'taken', snapshot });
    } catch (error) {
      if (!isOfTheInput(error)) throw error;
      await this.#bury(this.#options.topics.commands, record, error);
      this.#onCommandDone(commandId, { kind: 'failed', error });
    }
  }

  async #takeScheduled(): Promise<void> {
    try {
      await this.#announce(await this.#take(null));
    } catch (error) {
      if (!['MR_SNAPSHOT_EMPTY', 'MR_SNAPSHOT_WITHDRAWN'].includes(errorCode(error) ?? '')) throw error;
      this.#schedule.postpone();
    }
  }

  #take(request: SnapshotRequest | null, commandId?: string): Promise<Snapshot> {
    const plan = this.#options.snapshots ?? defaultPlan;
    return takeSnapshot({
      ...this.#options,
      ...requestedOptions(plan, request),
      ...(commandId !== undefined && { commandId }),
    });
  }

  async #announce(snapshot: Snapshot): Promise<void> {
    await this.#write(this.#options.topics.snapshots, snapshot.snapshot_id, snapshot, snapshot.ts);
    await this.#schedule.taken(snapshot);
  }

  /** False when it was given up because the place is lost or the trainer is to stop. */
  async #handleSnapshot(record: TopicRecord<string, Snapshot>): Promise<boolean> {
    const { value: snapshot } = record;
    if (snapshot === null) return true;
    await this.#schedule.taken(snapshot);
    const wanted = this.#wanted.get(snapshot.snapshot_id);
    const { seed, force } = wanted ?? { seed: this.#options.seed, force: false };
    try {
      if (snapshot.suspect.length > 0 && !force) throw suspectSnapshot(snapshot);
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

  async #removeOld(): Promise<void> {
    const { dataDirectory, snapshots: plan = defaultPlan } = this.#options;
    const snapshots = await readSnapshots(this.#options);
    const versions = await readVersions(this.#options);
    await removeSnapshots(dataDirectory, removableSnapshots(snapshots, versions, plan.keep));
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
    await refuseWithdrawn(this.#options, snapshot, candidate);
    step?.done(`recall@10 ${metrics['recall@10']?.toFixed(3)}`);
    logger.info({ version, snapshot: snapshot.snapshot_id, seed, metrics }, 'a version is trained');
    const publish: Command = {
      command_id: `publish-${version}`,
      ts: clock.now(),
      kind: 'publish',
      seed: null,
      candidate,
      force: false,
      snapshot: null,
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
    const { partition, offset, timestamp } = record;
    logger.error({ topic: topic.name, partition, offset, err: error }, 'a training could not be done');
    const letter = deadLetterOf(topic, record, error);
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
