import { FatalError } from '#platform';
import type { DatabaseSnapshot } from '../store/port.ts';
import type { JournalEntry, JournalRun, JournalStep } from '../task/commit/journal-format.ts';
import type { InputPartition } from '../task/input/input.ts';
import type { TaskPlace } from './journal-reader.ts';
import { type ScratchOptions, ScratchTask } from './scratch-task.ts';
import type { TaskSnapshot } from './snapshot.ts';
import type { TaskCopy } from './stores-on-disk.ts';

/** A scratch copy of a task that does again, commit by commit, what a journal says. */
export class ReplayedTask implements TaskCopy {
  readonly #scratch: ScratchTask;

  private constructor(scratch: ScratchTask) {
    this.#scratch = scratch;
  }

  static async open({ subTopology, partition }: TaskPlace, options: ScratchOptions): Promise<ReplayedTask> {
    return new ReplayedTask(await ScratchTask.open(subTopology, partition, options, 'empty'));
  }

  /**
   * Repeats one commit. Returns the watermark's two values where it came out otherwise. Errors: MR_VERIFY_INPUT_GONE
   * where records that the journal names are not in the log.
   */
  async repeat(
    entry: JournalEntry,
  ): Promise<{ readonly journalled: number; readonly replayed: number } | undefined> {
    const { task } = this.#scratch;
    if (entry.lacksRecords) throw lacksRecords(task.name);
    const inputs = entry.inputs.map(({ topic }) => this.#input(topic));
    let strayed: { journalled: number; replayed: number } | undefined;
    for (const step of entry.steps) {
      await this.#repeatStep(step, inputs);
      const replayed = task.input.watermark;
      if (replayed !== step.watermark) strayed ??= { journalled: step.watermark, replayed };
    }
    for (const [i, { to }] of entry.inputs.entries()) {
      // Behind the last record there may be control records only.
      const input = inputs[i] as InputPartition;
      if (input.bufferedRecords === 0 && input.position < to) input.position = to;
    }
    this.#scratch.wallNow = entry.committedAt;
    const repeated = await this.#scratch.commit();
    this.#checkRuns(entry, repeated?.steps ?? [], inputs);
    return strayed;
  }

  snapshot(): TaskSnapshot {
    return this.#scratch.snapshot();
  }

  rows(): DatabaseSnapshot {
    return this.#scratch.rows();
  }

  async close(): Promise<void> {
    await this.#scratch.close();
  }

  async #repeatStep(step: JournalStep, inputs: readonly InputPartition[]): Promise<void> {
    const { task } = this.#scratch;
    for (const { input, wallNow } of step.followed) inputs[input]?.watermark.followWallClock(wallNow);
    if (!step.processed) return;
    const wanted = new Map<InputPartition, { first: number; last: number; count: number }>();
    for (const { input: index, first, last, count } of step.runs) {
      const input = inputs[index] as InputPartition;
      const before = wanted.get(input);
      wanted.set(input, { first: before?.first ?? first, last, count: (before?.count ?? 0) + count });
    }
    for (const [input, { first, count }] of wanted) {
      await this.#scratch.read(input, first);
      await this.#scratch.fill(input, count);
    }
    this.#scratch.wallNow = step.wallNow;
    const order = inputsInOrder(step.runs, inputs);
    task.input.order = () => order.next().value ?? undefined;
    // In journals from before each move of time was a step of its own, a step has several.
    let before: string;
    const progress = () => `${inputs.map(({ position }) => position)} ${task.input.hasAdvanced}`;
    const isDone = () => [...wanted].every(([input, { last }]) => input.position > last);
    do {
      before = progress();
      await task.process(Number.POSITIVE_INFINITY);
    } while (!isDone() && progress() !== before);
  }

  /** That the records taken are those that the journal names, and not later ones in the place of what is gone. */
  #checkRuns(entry: JournalEntry, repeated: readonly JournalStep[], inputs: readonly InputPartition[]): void {
    const found = joined(repeated);
    const names = this.#scratch.task.input.partitions;
    for (const [i, run] of joined(entry.steps).entries()) {
      const other = found[i];
      const input = inputs[run.input] as InputPartition;
      const isSame =
        other !== undefined &&
        names[other.input] === input &&
        other.first === run.first &&
        other.last === run.last &&
        other.count === run.count;
      if (!isSame) throw this.#scratch.gone(input, run.first);
    }
  }

  #input(topic: string): InputPartition {
    const input = this.#scratch.task.inputOf(topic);
    if (input !== undefined) return input;
    throw new FatalError(
      'MR_JOURNAL_INCOMPLETE',
      `${this.#scratch.task.name} has read ${topic}, but the topology no longer does.`,
      { hint: 'verify with the topology that wrote the journal' },
    );
  }
}

function lacksRecords(task: string): FatalError {
  return new FatalError(
    'MR_VERIFY_INPUT_GONE',
    `${task} can't be repeated: records that its journal names were not in the log that this one was copied from.`,
    { hint: 'compare with a rebuild from the log, or verify on the log that has the records' },
  );
}

/** What was taken from which input, wherever the steps between were cut. */
function joined(steps: readonly JournalStep[]): readonly JournalRun[] {
  const runs: JournalRun[] = [];
  for (const run of steps.flatMap((step) => step.runs)) {
    const before = runs.at(-1);
    if (before === undefined || before.input !== run.input) runs.push(run);
    else runs[runs.length - 1] = { ...before, last: run.last, count: before.count + run.count };
  }
  return runs;
}

function* inputsInOrder(
  runs: readonly JournalRun[],
  inputs: readonly InputPartition[],
): Generator<InputPartition, undefined> {
  for (const { input, count } of runs) {
    for (let i = 0; i < count; i++) yield inputs[input] as InputPartition;
  }
  return undefined;
}
