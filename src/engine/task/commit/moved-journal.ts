import type { TopicPartition } from '#log';
import { encodeJournalEntry, type JournalEntry, readableJournalEntry } from './journal-format.ts';

/** Where the records of one partition lie in a log that they were copied to. */
export type MovedOffsets = {
  /** Where a reader that has taken everything before `offset` goes on. */
  readonly position: (offset: number) => number;
  /** Undefined unless all `count` records are there. */
  readonly run: (first: number, last: number, count: number) => Pick<Run, 'first' | 'last'> | undefined;
};

type Run = JournalEntry['steps'][number]['runs'][number];

/**
 * A journal entry as a copy of the log keeps it, with the offsets that the records it names have there. `offsetsOf` answers
 * undefined for a partition that one of the logs lacks. A value that is no entry stays as it is.
 */
export async function movedJournalValue(
  key: Buffer | null,
  value: Buffer,
  offsetsOf: (at: TopicPartition) => Promise<MovedOffsets | undefined>,
): Promise<Buffer> {
  const entry = readableJournalEntry(value);
  const partition = partitionOf(key);
  if (entry === undefined || partition === undefined) return value;
  const moved: (MovedOffsets | undefined)[] = [];
  for (const { topic } of entry.inputs) moved.push(await offsetsOf({ topic, partition }));
  const inputs = entry.inputs.map(({ topic, from, to }, i) => {
    const offsets = moved[i];
    return offsets === undefined
      ? { topic, from, to }
      : { topic, from: offsets.position(from), to: offsets.position(to) };
  });
  let lacksRecords = entry.lacksRecords;
  const runs = (run: Run): Run => {
    const there = moved[run.input]?.run(run.first, run.last, run.count);
    if (there === undefined) lacksRecords = true;
    return { ...run, ...there };
  };
  const steps = entry.steps.map((step) => ({ ...step, runs: step.runs.map(runs) }));
  const whole = { ...entry, inputs, steps };
  return encodeJournalEntry(lacksRecords ? { ...closedUp(whole), lacksRecords } : whole);
}

/** What is the same in any copy of the log: how many records were taken from which input, and what came of them. */
export function journalValueWithoutOffsets(value: Buffer): Buffer {
  const entry = readableJournalEntry(value);
  if (entry === undefined) return value;
  const inputs = entry.inputs.map(({ topic }) => ({ topic, from: 0, to: 0 }));
  return encodeJournalEntry({ ...closedUp({ ...entry, inputs }), lacksRecords: false });
}

/** With runs that follow one another without gaps. */
function closedUp(entry: JournalEntry): JournalEntry {
  const next = entry.inputs.map(({ from }) => from);
  const close = ({ input, count }: Run): Run => {
    const first = next[input] as number;
    next[input] = first + count;
    return { input, first, last: first + count - 1, count };
  };
  return { ...entry, steps: entry.steps.map((step) => ({ ...step, runs: step.runs.map(close) })) };
}

/** Entries are keyed by `<sub-topology>-<partition>`. */
function partitionOf(task: Buffer | null): number | undefined {
  const digits = /-(\d+)$/.exec(task?.toString() ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
