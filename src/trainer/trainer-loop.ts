import {
  type ActivePlace,
  deadLetterHeaders,
  deadLetterOf,
  type Topic,
  TopicReader,
  type TopicRecord,
} from '#engine';
import { readRegistry, readSnapshots, removableSnapshots, removeSnapshots, takeSnapshot } from '#offline';
import { MillraceError } from '#platform';
import type { Command, IndexBuild, Run, Snapshot } from '#schemas';
import { buildIndexOfCatalogue } from './indexing/index-build.ts';
import { removeOldIndexes } from './indexing/indexes.ts';
import { Job } from './pipeline/job.ts';
import { cancelledRun, isFault } from './refusals.ts';
import { type Positions, RunLedger } from './runs/ledger.ts';
import { ended, isOver, runError } from './runs/run.ts';
import { runsOfCommand, runsOfSnapshot } from './runs/wanted.ts';
import { removeFilesOfRuns } from './thread/checkpoint-files.ts';
import { defaultPlan, requestedOptions, type TrainerOptions } from './trainer-options.ts';

const IDLE_POLL_MS = 200;

export type CommandOutcome =
  | { readonly kind: 'trained'; readonly runs: readonly Run[] }
  | { readonly kind: 'taken'; readonly snapshot: Snapshot }
  | { readonly kind: 'indexed'; readonly build: IndexBuild }
  | { readonly kind: 'failed'; readonly error: unknown };
export type OnCommandDone = (commandId: string, outcome: CommandOutcome) => void;

type CommandRecord = TopicRecord<string, Command>;
/** What is asked for by itself, and is no run: done again after a crash. */
type Asked = CommandRecord & { readonly value: Command };
/** Work of its turn: runs that share a job, a snapshot or an index that was asked for. */
type Task = { readonly jobId: string } | { readonly asked: Asked };

type Parts = {
  readonly options: TrainerOptions;
  readonly place: ActivePlace;
  readonly onCommandDone: OnCommandDone;
  readonly commands: TopicReader<string, Command>;
  readonly snapshots: TopicReader<string, Snapshot>;
  readonly ledger: RunLedger;
  /** Why runs did not succeed, by run. */
  readonly errors: Map<string, unknown>;
};

/**
 * The trainer's work for as long as it holds its place in the group: takes in what is asked for while one job after the
 * other is at work. What is asked for becomes a run in the same commit as the position behind it.
 */
export class TrainerLoop {
  readonly #parts: Parts;
  #queue: Task[] = [];
  #job: Job | undefined;
  #working: Promise<void> | undefined;
  #fault: unknown;
  /** Offset of the command that is being carried out and is no run. */
  #carryingOut: number | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    const open = parts.ledger.runs.filter((run) => !isOver(run));
    const begunFirst = open.toSorted(
      (a, b) => Number(a.status !== 'running') - Number(b.status !== 'running'),
    );
    this.#queue = [...new Set(begunFirst.map(({ job_id }) => job_id))].map((jobId) => ({ jobId }));
  }

  /** Reads on from the committed positions, and goes on with the runs that are not over. */
  static async open(
    options: TrainerOptions,
    place: ActivePlace,
    onCommandDone: OnCommandDone,
  ): Promise<TrainerLoop> {
    const { log, topics, logger, dataDirectory } = options;
    const errors = new Map<string, unknown>();
    const ledger = await RunLedger.open(
      { ...options, onOver: (run) => tellOver(run, ledger, errors, onCommandDone) },
      place,
    );
    const open = <V>(topic: Topic<string, V>, from: number) =>
      TopicReader.open(log, topic, {
        from: [from],
        onUndecodable: (at, err) => logger.error({ ...at, err }, 'an undecodable record is skipped'),
      });
    const { runs, positions } = ledger;
    const unfinished = runs.filter((run) => !isOver(run)).map(({ run_id }) => run_id);
    await removeFilesOfRuns(dataDirectory, new Set(unfinished));
    return new TrainerLoop({
      options,
      place,
      onCommandDone,
      commands: await open(topics.commands, positions.commands),
      snapshots: await open(topics.snapshots, positions.snapshots),
      ledger,
      errors,
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#parts.place;
    while (!signal.aborted) {
      for (const record of await this.#parts.commands.poll(0)) await this.#takeCommand(record);
      const canBegin = this.#queue.length > 0 && this.#working === undefined;
      for (const record of await this.#parts.snapshots.poll(canBegin ? 0 : IDLE_POLL_MS))
        await this.#takeEvent(record);
      if (signal.aborted) return;
      await this.#parts.ledger.add([], { positions: this.#positions() });
      this.#begin();
      if (this.#fault !== undefined) throw this.#fault;
    }
  }

  /** When the place's signal is aborted or `run` has ended. */
  async close(): Promise<void> {
    await this.#working;
    await this.#parts.ledger.close();
    await this.#parts.commands.close();
    await this.#parts.snapshots.close();
  }

  /** Behind what is done. */
  #positions(
    commands = this.#parts.commands.positions[0] ?? 0,
    snapshots = this.#parts.snapshots.positions[0] ?? 0,
  ): Positions {
    const asked = this.#queue.flatMap((task) => (isAsked(task) ? [task.asked.offset] : []));
    const underWay = this.#carryingOut === undefined ? [] : [this.#carryingOut];
    return { commands: Math.min(commands, ...asked, ...underWay), snapshots };
  }

  async #takeCommand(record: CommandRecord): Promise<void> {
    const { value: command, offset } = record;
    if (command === null) return;
    const { kind, command_id: id, run } = command;
    if (kind === 'snapshot' || kind === 'reindex') this.#queue.push({ asked: { ...record, value: command } });
    if (kind === 'cancel' && run?.run_id != null) await this.#cancel(run.run_id, 'a command requested it');
    // After a crash a command may come again.
    if (kind !== 'train' || this.#parts.ledger.runs.some((each) => each.command_id === id)) return;
    try {
      const runs = await runsOfCommand(command, this.#parts.options);
      await this.#parts.ledger.add(runs, {
        positions: this.#positions(offset + 1, this.#parts.ledger.positions.snapshots),
      });
      this.#enqueue(runs);
    } catch (error) {
      if (!(error instanceof MillraceError) || isFault(error)) throw error;
      await this.#bury(record, error);
    }
  }

  /** A snapshot that no run has taken is trained on. */
  async #takeEvent({ value: snapshot, offset }: TopicRecord<string, Snapshot>): Promise<void> {
    if (snapshot === null) return;
    const id = snapshot.snapshot_id;
    await this.#parts.ledger.settled();
    if (this.#parts.ledger.runs.some(({ snapshot_id }) => snapshot_id === id)) return;
    const runs = runsOfSnapshot(id, this.#parts.options);
    await this.#parts.ledger.add(runs, {
      positions: this.#positions(this.#parts.ledger.positions.commands, offset + 1),
    });
    this.#enqueue(runs);
  }

  #enqueue(runs: readonly Run[]): void {
    const jobId = runs[0]?.job_id;
    if (jobId !== undefined) this.#queue.push({ jobId });
  }

  async #cancel(runId: string, why: string): Promise<void> {
    const now = this.#parts.options.clock.now();
    const error = cancelledRun(why);
    this.#parts.errors.set(runId, error);
    const positions = this.#positions(undefined, this.#parts.ledger.positions.snapshots);
    await this.#parts.ledger.change([runId], (run) => ended(run, 'cancelled', now, runError(error)), {
      positions,
    });
    this.#job?.cancel(runId, why);
  }

  #begin(): void {
    if (this.#working !== undefined || this.#parts.place.signal.aborted) return;
    const task = this.#queue.shift();
    if (task === undefined) return;
    this.#working = this.#carryOut(task)
      .catch((error: unknown) => {
        if (!this.#parts.place.signal.aborted) this.#fault = error;
      })
      .finally(() => {
        this.#working = undefined;
        this.#job = undefined;
      });
  }

  #carryOut(task: Task): Promise<void> {
    return isAsked(task) ? this.#answer(task.asked) : this.#train(task.jobId);
  }

  async #train(jobId: string): Promise<void> {
    const runs = this.#parts.ledger.runs.filter((run) => run.job_id === jobId && !isOver(run));
    if (runs.length === 0) return;
    this.#job = new Job(runs, {
      options: this.#parts.options,
      ledger: this.#parts.ledger,
      signal: this.#parts.place.signal,
      onError: (id, error) => this.#parts.errors.set(id, error),
    });
    await this.#job.work();
    await this.#removeOld();
  }

  /** Does what a command asks for by itself, and tells whoever waits for it. */
  async #answer(record: Asked): Promise<void> {
    const { command_id: id, kind, snapshot: request } = record.value;
    this.#carryingOut = record.offset;
    try {
      const outcome =
        kind === 'snapshot' ? await this.#takeSnapshot(id, request) : await this.#buildIndex(id);
      if (!this.#parts.place.signal.aborted) this.#parts.onCommandDone(id, outcome);
    } catch (error) {
      if (!(error instanceof MillraceError) || isFault(error)) throw error;
      await this.#bury(record, error);
    } finally {
      this.#carryingOut = undefined;
    }
  }

  async #takeSnapshot(commandId: string, request: Command['snapshot']): Promise<CommandOutcome> {
    const snapshot = await takeSnapshot({
      ...this.#parts.options,
      ...requestedOptions(this.#parts.options.snapshots ?? defaultPlan, request),
      commandId,
    });
    if (!this.#parts.place.signal.aborted) {
      await this.#parts.ledger.add([], { snapshots: [snapshot] });
    }
    return { kind: 'taken', snapshot };
  }

  async #buildIndex(commandId: string): Promise<CommandOutcome> {
    const { options, ledger, place } = this.#parts;
    const build = await buildIndexOfCatalogue(options, commandId);
    if (!place.signal.aborted) {
      await ledger.add([], { indexes: [build] });
      await removeOldIndexes(options);
    }
    return { kind: 'indexed', build };
  }

  async #removeOld(): Promise<void> {
    const { snapshots: plan = defaultPlan } = this.#parts.options;
    const snapshots = await readSnapshots(this.#parts.options);
    const registry = await readRegistry(this.#parts.options);
    const needed = this.#parts.ledger.runs
      .filter((run) => !isOver(run))
      .map(({ snapshot_id }) => snapshot_id);
    const removable = removableSnapshots(snapshots, registry, plan.keep);
    await removeSnapshots(
      this.#parts.options,
      removable.filter(({ snapshot_id: id }) => !needed.includes(id)),
    );
  }

  /** Keeps a command that can't be carried out where people look for it, so that the trainer can go on. */
  async #bury(record: CommandRecord, error: MillraceError): Promise<void> {
    const { logger, topics } = this.#parts.options;
    const { partition, offset } = record;
    logger.error({ topic: topics.commands.name, partition, offset, err: error }, 'a command failed');
    const letter = deadLetterOf(topics.commands, record, 'trainer', error);
    await this.#parts.ledger.add([], { letters: [{ letter, headers: deadLetterHeaders(letter, error) }] });
    this.#parts.onCommandDone(record.key, { kind: 'failed', error });
  }
}

function isAsked(task: Task): task is { readonly asked: Asked } {
  return 'asked' in task;
}

/** When all runs of a command are over: they succeeded where one did. */
function tellOver(
  { command_id: id }: Run,
  ledger: RunLedger,
  errors: Map<string, unknown>,
  onCommandDone: OnCommandDone,
): void {
  if (id === null) return;
  const runs = ledger.runs.filter(({ command_id }) => command_id === id);
  if (!runs.every(isOver)) return;
  const failed = runs.find(({ status }) => status !== 'succeeded');
  if (runs.some(({ status }) => status === 'succeeded')) onCommandDone(id, { kind: 'trained', runs });
  else onCommandDone(id, { kind: 'failed', error: errors.get(failed?.run_id ?? '') });
  for (const { run_id } of runs) errors.delete(run_id);
}
