import { type ActivePlace, currentRecords, type Topic } from '#engine';
import { FencedWriter, type Header, type Log, type ProducerRecord } from '#log';
import { type Clock, failpoint } from '#platform';
import type { Command, DeadLetter, IndexBuild, Run, RunProgress, Snapshot } from '#schemas';
import type { Topics } from '#topologies';
import { isOver } from './run.ts';

/** Every trainer writes under this id, so that whoever holds the place fences those before. */
const TRANSACTIONAL_ID = 'trainer';
/** Runs whose events are kept after they have ended. */
const ENDED_KEPT = 1000;

/** Where the trainer has come to on the topics that it follows. */
export type Positions = { readonly commands: number; readonly snapshots: number };

/** What becomes visible at once with changes of runs. */
export type Beside = {
  readonly progress?: readonly RunProgress[];
  readonly commands?: readonly Command[];
  readonly snapshots?: readonly Snapshot[];
  readonly indexes?: readonly IndexBuild[];
  readonly letters?: readonly { readonly letter: DeadLetter; readonly headers: readonly Header[] }[];
  readonly positions?: Positions;
};

export type LedgerOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly clock: Clock;
  /** Told of each run that is over, when that is durable. */
  readonly onOver?: (run: Run) => void;
};

/**
 * The runs as they stand, and the one way in which they change: events, commands, snapshots and the trainer's positions in
 * one transaction of the log, under the membership that holds the trainer's place. Of two processes that both believe to
 * hold it one is refused (MR_LOG_FENCED, MR_LOG_GENERATION), and nothing of it becomes visible.
 */
export class RunLedger {
  readonly #options: LedgerOptions;
  readonly #place: ActivePlace;
  readonly #writer: FencedWriter;
  readonly #runs: Map<string, Run>;
  #positions: Positions;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    options: LedgerOptions,
    place: ActivePlace,
    writer: FencedWriter,
    runs: Map<string, Run>,
    positions: Positions,
  ) {
    this.#options = options;
    this.#place = place;
    this.#writer = writer;
    this.#runs = runs;
    this.#positions = positions;
  }

  /** Fences every other writer, then reads what it has left. */
  static async open(options: LedgerOptions, place: ActivePlace): Promise<RunLedger> {
    const { log, topics } = options;
    const followed = [topics.commands, topics.snapshots].map(({ name: topic }) => ({ topic, partition: 0 }));
    const [writer, [positions, runs]] = await FencedWriter.openAndRead(log, TRANSACTIONAL_ID, async () => {
      return [await place.positions(followed), await readRuns(options)] as const;
    });
    const [commands = 0, snapshots = 0] = positions;
    const byId = new Map(runs.map((run) => [run.run_id, run]));
    return new RunLedger(options, place, writer, byId, { commands, snapshots });
  }

  /** In the order of their creation. */
  get runs(): readonly Run[] {
    return [...this.#runs.values()];
  }

  run(runId: string): Run | undefined {
    return this.#runs.get(runId);
  }

  get positions(): Positions {
    return this.#positions;
  }

  /** Writes new runs, and what is to become visible with them. */
  add(runs: readonly Run[], beside: Beside = {}): Promise<void> {
    return this.#inTurn(() => this.#commit(runs, beside));
  }

  /**
   * Changes those of the runs that are not over; what is beside becomes visible with that. False where all were over, and
   * nothing was written.
   */
  change(runIds: readonly string[], change: (run: Run) => Run, beside: Beside = {}): Promise<boolean> {
    return this.#inTurn(async () => {
      const open = runIds.flatMap((id) => {
        const run = this.#runs.get(id);
        return run === undefined || isOver(run) ? [] : [run];
      });
      if (open.length === 0) return false;
      await this.#commit(
        open.map((run) => ({ ...change(run), ts: this.#options.clock.now() })),
        beside,
      );
      return true;
    });
  }

  /** Resolves when the runs are known of whatever the log shows by now: it shows a commit before this process has heard of it. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#writer.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #commit(runs: readonly Run[], beside: Beside): Promise<void> {
    const { topics } = this.#options;
    const {
      positions = this.#positions,
      progress = [],
      commands = [],
      snapshots = [],
      indexes = [],
      letters = [],
    } = beside;
    const forgotten = this.#forgotten(runs);
    const moves =
      positions.commands !== this.#positions.commands || positions.snapshots !== this.#positions.snapshots;
    const written = [runs, progress, commands, snapshots, indexes, letters];
    if (written.every(({ length }) => length === 0) && !moves) return;
    failpoint('trainer.commit.before');
    const offsets = [
      { topic: topics.commands.name, partition: 0, offset: positions.commands },
      { topic: topics.snapshots.name, partition: 0, offset: positions.snapshots },
    ];
    await this.#writer.write({
      appends: [
        append(topics.runs, runs, (run) => [run.run_id, run.ts]),
        append(topics['run-progress'], progress, (point) => [point.run_id, point.ts]),
        append(topics.commands, commands, (command) => [command.command_id, command.ts]),
        append(topics.snapshots, snapshots, (snapshot) => [snapshot.snapshot_id, snapshot.ts]),
        append(topics.indexes, indexes, (build) => [build.version, build.ts]),
        {
          topic: topics['dead-letters'].name,
          partition: 0,
          records: letters.map(({ letter, headers }) => ({
            ...recordOf(topics['dead-letters'], letter, letter.topic, letter.timestamp),
            headers,
          })),
        },
        { topic: topics.runs.name, partition: 0, records: forgotten },
      ],
      offsets: [{ group: this.#place.group(), offsets }],
    });
    failpoint('trainer.commit.after');
    this.#positions = positions;
    for (const { key } of forgotten) this.#runs.delete(String(key));
    for (const run of runs) {
      this.#runs.set(run.run_id, run);
      if (isOver(run)) this.#options.onOver?.(run);
    }
  }

  /** Tombstones of the oldest runs that have ended, where new ones come on top of as many as are kept. */
  #forgotten(added: readonly Run[]): ProducerRecord[] {
    const isNew = added.some(({ run_id }) => !this.#runs.has(run_id));
    if (!isNew) return [];
    const over = this.runs.filter(isOver);
    return over.slice(0, Math.max(0, over.length - ENDED_KEPT)).map(({ run_id }) => {
      return { key: Buffer.from(run_id), value: null, timestamp: this.#options.clock.now() };
    });
  }
}

function append<V>(
  topic: Topic<string, V>,
  values: readonly V[],
  placeOf: (value: V) => readonly [key: string, timestamp: number],
) {
  const records = values.map((value) => recordOf(topic, value, ...placeOf(value)));
  return { topic: topic.name, partition: 0, records };
}

function recordOf<V>(topic: Topic<string, V>, value: V, key: string, timestamp: number): ProducerRecord {
  return { key: Buffer.from(key), value: topic.value.encode(value), timestamp };
}

/** Every run as it stands, in the order of their creation. */
export async function readRuns({
  log,
  topics,
}: Pick<LedgerOptions, 'log' | 'topics'>): Promise<readonly Run[]> {
  const records = [...(await currentRecords(log, topics.runs, 'by-first')).values()];
  return records.map(({ value }) => value).sort((a, b) => a.created - b.created);
}
