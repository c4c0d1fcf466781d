import type { Log } from '#log';
import { errorCode, FatalError } from '#platform';
import { tasksOf } from '../task/assignment/assignment.ts';
import { journalTopic } from '../task/commit/journal.ts';
import { type JournalEntry, readableJournalEntry } from '../task/commit/journal-format.ts';
import type { SubTopology, Topology } from '../topology/topology.ts';
import type { TaskSnapshot } from './snapshot.ts';

/** A task by its place in the topology. */
export type TaskPlace = {
  readonly name: string;
  readonly subTopology: SubTopology;
  readonly partition: number;
};

/** All tasks of a topology. */
export function placesOf(topology: Topology): TaskPlace[] {
  return tasksOf(topology).map(({ subTopology: name, partition }) => {
    const subTopology = topology.subTopologies.find((candidate) => candidate.name === name) as SubTopology;
    return { name: `${name}-${partition}`, subTopology, partition };
  });
}

export type JournalledCommit = { readonly offset: number; readonly entry: JournalEntry };

const POLL_MS = 1_000;

export type JournalReading = {
  readonly signal?: AbortSignal | undefined;
  /** Told of records that are no entries, which are left out. */
  readonly onUnreadable?: (offset: number) => void;
  /** Offsets of the journal that have been passed, of those that there are. */
  readonly onProgress?: (done: number, total: number) => void;
};

/**
 * The journal of a task as far as it goes now, whole: it begins with the task's first commit and has no hole. Errors:
 * MR_JOURNAL_INCOMPLETE.
 */
export async function* wholeJournalOf(
  log: Log,
  topology: Topology,
  task: TaskPlace,
  reading: JournalReading = {},
): AsyncGenerator<JournalledCommit> {
  // Asked first: what has been committed by now must be in the journal when it is read.
  const committed = await committedOffsets(log, topology, task);
  const first = await firstCommitOf(log, topology, task, reading);
  const reached = new Map<string, number>();
  const unreadable: number[] = [];
  const noting = { ...reading, onUnreadable: (offset: number) => void unreadable.push(offset) };
  const incomplete = (place: TaskPlace, why: string) =>
    incompleteJournal(place, unreadable.length === 0 ? why : `${why}; ${unreadableAt(topology, unreadable)}`);
  for await (const commit of first === undefined ? [] : journalOf(log, topology, task, first, noting)) {
    for (const { topic, from, to } of commit.entry.inputs) {
      const before = reached.get(topic);
      if (before !== undefined && before !== from) {
        throw incomplete(task, `it does not cover ${topic} from offset ${before} to ${from}`);
      }
      reached.set(topic, to);
    }
    yield commit;
  }
  for (const [topic, offset] of committed) {
    if ((reached.get(topic) ?? 0) >= offset) continue;
    throw incomplete(task, `it ends before offset ${offset} of ${topic}, which is committed`);
  }
}

/** Where the journal says that the task began with nothing: after a rebuild it has done so again. */
async function firstCommitOf(
  log: Log,
  topology: Topology,
  task: TaskPlace,
  { signal }: JournalReading,
): Promise<number | undefined> {
  let first: number | undefined;
  let oldest: number | undefined;
  for await (const { offset, entry } of journalOf(log, topology, task, 0, { signal })) {
    oldest ??= offset;
    if (entry.isFirst) first = offset;
  }
  if (first !== undefined || oldest === undefined) return first;
  throw incompleteJournal(task, `its first entry left, at offset ${oldest}, is not the task’s first`);
}

/** The entries of a task that the log still has, in order, from an offset on. */
export async function* journalOf(
  log: Log,
  topology: Topology,
  { name }: TaskPlace,
  from = 0,
  { signal, onProgress, onUnreadable }: JournalReading = {},
): AsyncGenerator<JournalledCommit> {
  const place = { topic: journalTopic(topology).name, partition: 0 };
  const bounds = await boundsOf(log, place);
  if (bounds === undefined || bounds.start >= bounds.stable) return;
  const start = Math.max(from, bounds.start);
  const consumer = await log.consumer();
  try {
    consumer.assign([{ ...place, offset: start }]);
    while ((consumer.position(place) ?? 0) < bounds.stable) {
      signal?.throwIfAborted();
      for (const batch of await consumer.poll(POLL_MS)) {
        for (let i = 0; i < batch.count && batch.offset(i) < bounds.stable; i++) {
          const value = batch.value(i);
          if (batch.offset(i) < start) continue;
          if (value === null || batch.key(i)?.toString() !== name) continue;
          const entry = readableJournalEntry(value);
          if (entry === undefined) onUnreadable?.(batch.offset(i));
          else yield { offset: batch.offset(i), entry };
          signal?.throwIfAborted();
          onProgress?.(batch.offset(i) + 1 - start, bounds.stable - start);
        }
      }
    }
    onProgress?.(bounds.stable - start, bounds.stable - start);
  } finally {
    await consumer.close();
  }
}

/** What the journal says of a task's last commit: the digests to hold another copy against. */
export async function journalledSnapshot(
  log: Log,
  topology: Topology,
  task: TaskPlace,
): Promise<(TaskSnapshot & { readonly watermark: number }) | undefined> {
  let last: JournalEntry | undefined;
  let watermark = Number.NEGATIVE_INFINITY;
  for await (const { entry } of journalOf(log, topology, task)) {
    last = entry;
    watermark = entry.steps.at(-1)?.watermark ?? watermark;
  }
  if (last === undefined) return undefined;
  const offsets = Object.fromEntries(last.inputs.map(({ topic, to }) => [topic, to]));
  return { task: task.name, offsets, stores: last.stores, watermark };
}

async function committedOffsets(
  log: Log,
  { name, generation }: Topology,
  { subTopology, partition }: TaskPlace,
): Promise<[topic: string, offset: number][]> {
  const places = subTopology.sources.map(({ topic }) => ({ topic: topic.name, partition }));
  const offsets = await log.committedOffsets(`${name}-${generation}`, places);
  // A task that has committed has said so of all of its inputs: one without metadata is another's doing.
  return offsets.flatMap((mark) => (mark?.metadata === undefined ? [] : [[mark.topic, mark.offset]]));
}

async function boundsOf(log: Log, { topic, partition }: { topic: string; partition: number }) {
  try {
    const [description] = await log.describeTopics([topic]);
    return description?.offsets[partition];
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    return undefined;
  }
}

function unreadableAt(topology: Topology, offsets: readonly number[]): string {
  const [first] = offsets;
  return `the record at offset ${first} of topic ${journalTopic(topology).name}, partition 0, can't be read`;
}

function incompleteJournal({ name }: TaskPlace, why: string): FatalError {
  return new FatalError('MR_JOURNAL_INCOMPLETE', `The journal of ${name} can't be replayed: ${why}.`, {
    hint: 'the journal was disabled, its retention has passed, or the state was carried over from an earlier generation; compare with a rebuild from the log instead',
  });
}
