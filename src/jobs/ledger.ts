import { type ActivePlace, currentRecords, type Topic } from '#engine';
import { FencedWriter, type Log, type OffsetCommit, type ProducerRecord } from '#log';
import { type Clock, failpoint } from '#platform';
import type { JobRun, JobState } from '#schemas';
import type { Topics } from '#topologies';
import { isOver } from './run.ts';

/** Every scheduler writes under this id, so that whoever holds the place fences those before. */
const TRANSACTIONAL_ID = 'jobs';
/** Ended runs of a job that are kept. */
const ENDED_KEPT = 100;

export type LedgerSource = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'job-runs' | 'jobs'>;
};

export type LedgerOptions = LedgerSource & {
  readonly clock: Clock;
  /** Told of each run as it is, when that is durable. */
  readonly onChange: (run: JobRun) => void;
};

/** What becomes visible with changes of runs. */
type Beside = {
  readonly states?: readonly JobState[];
  /** Where the scheduler has come to on the topics that it follows. */
  readonly positions?: readonly OffsetCommit[];
};

/**
 * The runs of all jobs as they stand, and which jobs are paused. Changes go out with the scheduler's positions in one
 * transaction of the log, under the membership that holds its place: of two processes that both believe to hold it one is
 * refused (MR_LOG_FENCED, MR_LOG_GENERATION), and nothing of it becomes visible.
 */
export class JobLedger {
  readonly #options: LedgerOptions;
  readonly #place: ActivePlace;
  readonly #writer: FencedWriter;
  readonly #runs: Map<string, JobRun>;
  readonly #states: Map<string, JobState>;
  /** By topic; committed again with each change, so that the group refuses whoever has lost the place. */
  readonly #positions = new Map<string, OffsetCommit>();
  #last: Promise<unknown> = Promise.resolve();
  /** Why a write failed: from then on nobody knows what the log has, until the ledger is opened again. */
  #failure: unknown;

  private constructor(
    options: LedgerOptions,
    place: ActivePlace,
    writer: FencedWriter,
    read: { readonly runs: readonly JobRun[]; readonly states: ReadonlyMap<string, JobState> },
  ) {
    this.#options = options;
    this.#place = place;
    this.#writer = writer;
    this.#runs = new Map(read.runs.map((run) => [run.run_id, run]));
    this.#states = new Map(read.states);
  }

  /** Fences every other writer, then reads what it has left. */
  static async open(options: LedgerOptions, place: ActivePlace): Promise<JobLedger> {
    const [writer, read] = await FencedWriter.openAndRead(options.log, TRANSACTIONAL_ID, async () => ({
      runs: await readJobRuns(options),
      states: await readJobStates(options),
    }));
    return new JobLedger(options, place, writer, read);
  }

  /** In the order of their creation. */
  get runs(): readonly JobRun[] {
    return [...this.#runs.values()];
  }

  run(id: string): JobRun | undefined {
    return this.#runs.get(id);
  }

  isPaused(job: string): boolean {
    return this.#states.get(job)?.paused ?? false;
  }

  add(runs: readonly JobRun[], beside: Beside = {}): Promise<void> {
    return this.#inTurn(() => this.#commit(runs, beside));
  }

  /** Changes a run that is not over; nothing where it is. */
  change(id: string, change: (run: JobRun) => JobRun): Promise<void> {
    return this.#inTurn(async () => {
      const run = this.#runs.get(id);
      if (run !== undefined && !isOver(run)) await this.#commit([change(run)], {});
    });
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#writer.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
      return work();
    });
    this.#last = turn.catch((error: unknown) => {
      this.#failure = error;
    });
    return turn;
  }

  async #commit(runs: readonly JobRun[], { states = [], positions = [] }: Beside): Promise<void> {
    const { topics, clock } = this.#options;
    const now = clock.now();
    const written = runs.map((run) => ({ ...run, ts: now }));
    const forgotten = this.#forgotten(written);
    const moved = positions.filter(({ topic, offset }) => this.#positions.get(topic)?.offset !== offset);
    const offsets = new Map([...this.#positions, ...moved.map((each) => [each.topic, each] as const)]);
    if (written.length + states.length + moved.length === 0) return;
    failpoint('jobs.commit.before');
    await this.#writer.write({
      appends: [
        append(topics['job-runs'], written, (run) => [run.run_id, run.ts]),
        append(topics.jobs, states, (state) => [state.job, state.ts]),
        {
          topic: topics['job-runs'].name,
          partition: 0,
          records: forgotten.map(
            (id): ProducerRecord => ({ key: Buffer.from(id), value: null, timestamp: now }),
          ),
        },
      ],
      offsets: [{ group: this.#place.group(), offsets: [...offsets.values()] }],
    });
    failpoint('jobs.commit.after');
    for (const each of moved) this.#positions.set(each.topic, each);
    for (const state of states) this.#states.set(state.job, state);
    for (const id of forgotten) this.#runs.delete(id);
    for (const run of written) {
      this.#runs.set(run.run_id, run);
      this.#options.onChange(run);
    }
  }

  /** The oldest runs of a job that have ended, where a new one comes on top of as many as are kept. */
  #forgotten(written: readonly JobRun[]): string[] {
    const added = written.filter(({ run_id }) => !this.#runs.has(run_id));
    return [...new Set(added.map(({ job }) => job))].flatMap((job) => {
      const over = this.runs.filter((run) => run.job === job && isOver(run));
      return over.slice(0, Math.max(0, over.length - ENDED_KEPT)).map(({ run_id }) => run_id);
    });
  }
}

function append<V>(
  topic: Topic<string, V>,
  values: readonly V[],
  placeOf: (value: V) => readonly [key: string, timestamp: number],
) {
  const records = values.map((value): ProducerRecord => {
    const [key, timestamp] = placeOf(value);
    return { key: Buffer.from(key), value: topic.value.encode(value), timestamp };
  });
  return { topic: topic.name, partition: 0, records };
}

/** Every run as it stands, in the order of their creation. */
export async function readJobRuns({ log, topics }: LedgerSource): Promise<readonly JobRun[]> {
  const records = [...(await currentRecords(log, topics['job-runs'], 'by-first')).values()];
  return records.map(({ value }) => value).sort((a, b) => a.created - b.created);
}

/** By job; none for one that was never paused. */
export async function readJobStates({ log, topics }: LedgerSource): Promise<ReadonlyMap<string, JobState>> {
  const records = await currentRecords(log, topics.jobs, 'by-newest');
  return new Map(Array.from(records, ([job, { value }]) => [job, value]));
}
