import { inputsOf } from '../topology/node.ts';
import type { SubTopology, Topology } from '../topology/topology.ts';
import {
  type JournalledCommit,
  type JournalReading,
  placesOf,
  type TaskPlace,
  wholeJournalOf,
} from './journal-reader.ts';
import { ReplayedTask } from './replayed-task.ts';
import type { ScratchOptions } from './scratch-task.ts';
import { compareSnapshots, type TaskSnapshot } from './snapshot.ts';

export type VerifyOptions = ScratchOptions & { readonly topology: Topology };

/** The first commit after which the replayed copy was not what the journal says. */
export type Difference = {
  /** Offset of the entry in the journal. */
  readonly journalOffset: number;
  readonly inputs: readonly { readonly topic: string; readonly from: number; readonly to: number }[];
  readonly stores: readonly {
    readonly name: string;
    readonly journalled: string;
    readonly replayed: string;
  }[];
  /** Where the watermark came out otherwise: the topology's notion of time has been changed since. */
  readonly watermark?: { readonly journalled: number; readonly replayed: number };
};

export type TaskVerification = {
  readonly task: string;
  readonly commits: number;
  readonly records: number;
  readonly difference?: Difference;
  /**
   * Stores whose digests were not compared: their schema or the way digests are made has changed since, they are no more,
   * or they lie behind a join with a global table, since the journal does not hold what rows that had.
   */
  readonly uncompared: readonly string[];
  /** The replayed copy after the last commit. */
  readonly replayed: TaskSnapshot;
};

/** Verifies every task of the topology, one after the other; see verifyTask. */
export async function* verify(options: VerifyOptions): AsyncGenerator<TaskVerification> {
  for (const place of placesOf(options.topology)) yield await verifyTask(place, options);
}

/**
 * Repeats what the journal says a task did, from its first commit on (after a rebuild, the first one since), over a
 * scratch copy of its stores, and compares the digest of every store after every commit. It repeats the order in which
 * records arrived, the wall clock that processors were shown and the batches they were given: it is exact for any operator
 * but a join with a global table (see `uncompared`). Stops at the first difference. What it compares with is the journal;
 * whether the rows on this machine are the same, `onDisk` finds out on the way.
 * Errors: MR_JOURNAL_INCOMPLETE, MR_VERIFY_INPUT_GONE.
 */
export async function verifyTask(place: TaskPlace, options: VerifyOptions): Promise<TaskVerification> {
  const replayed = await ReplayedTask.open(place, options);
  const uncompared = new Set(behindGlobalTables(place.subTopology));
  let commits = 0;
  let records = 0;
  let difference: Difference | undefined;
  let offsets: TaskSnapshot['offsets'] = {};
  try {
    const { log, topology, signal, onProgress, onDisk } = options;
    const reading: JournalReading = {
      signal,
      onProgress: (done, total) => onProgress?.({ task: place.name, done, total }),
    };
    await onDisk?.compare(offsets, replayed);
    for await (const commit of wholeJournalOf(log, topology, place, reading)) {
      const watermark = await replayed.repeat(commit.entry);
      difference = compare(commit, replayed.snapshot(), watermark, uncompared);
      offsets = Object.fromEntries(commit.entry.inputs.map(({ topic, to }) => [topic, to]));
      commits++;
      for (const { runs } of commit.entry.steps) for (const { count } of runs) records += count;
      if (difference !== undefined) break;
      await onDisk?.compare(offsets, replayed);
    }
    const result = { task: place.name, commits, records, uncompared: [...uncompared] };
    return { ...result, replayed: { ...replayed.snapshot(), offsets }, ...(difference && { difference }) };
  } finally {
    await replayed.close();
  }
}

/** Stores that what comes of a join with a global table can reach within the task; other tasks read it from a topic. */
function behindGlobalTables({ nodes, stores }: SubTopology): string[] {
  const behind = new Set<string>();
  for (const node of nodes) {
    if (node.kind === 'global-join' || inputsOf(node).some((from) => behind.has(from.node)))
      behind.add(node.name);
  }
  return stores.map(({ name }) => name).filter((name) => behind.has(name.split('/')[0] ?? ''));
}

function compare(
  { offset, entry }: JournalledCommit,
  replayed: TaskSnapshot,
  watermark: Difference['watermark'],
  uncompared: Set<string>,
): Difference | undefined {
  const live: TaskSnapshot = { ...replayed, stores: entry.stores };
  const { different, incomparable } = compareSnapshots(live, replayed);
  for (const name of incomparable) uncompared.add(name);
  // Once a store has been written under two schemas, its older rows are not what a replay writes today.
  const found = different.filter((name) => !uncompared.has(name));
  if (found.length === 0 && watermark === undefined) return undefined;
  const digestOf = ({ stores }: TaskSnapshot, name: string) =>
    stores.find((store) => store.name === name)?.digest ?? '';
  return {
    journalOffset: offset,
    inputs: entry.inputs,
    stores: found.map((name) => {
      return { name, journalled: digestOf(live, name), replayed: digestOf(replayed, name) };
    }),
    ...(watermark && { watermark }),
  };
}
