import type { RecordBatch } from '#log';
import { type Clock, FatalError } from '#platform';
import type { InputPartition } from '../task/input/input.ts';
import { recordsBefore } from '../task/restore/replay.ts';
import { readManifest } from '../topology/generations/manifest.ts';
import { arrivalDependentNodes } from '../topology/node.ts';
import type { SubTopology, Topology } from '../topology/topology.ts';
import { journalledSnapshot, placesOf, type TaskPlace } from './journal-reader.ts';
import { type ScratchOptions, ScratchTask } from './scratch-task.ts';
import { compareSnapshots, type SnapshotComparison, type TaskSnapshot } from './snapshot.ts';

export type RebuildOptions = ScratchOptions & {
  readonly clock: Clock;
  /** Rebuilds state that depends on arrival as well: what comes out is one possible history of several. */
  readonly force?: boolean;
};

export type RebuildTarget = {
  /** Where to stop: the next offset to read, by topic. */
  readonly offsets: TaskSnapshot['offsets'];
  /**
   * Where the copied task's watermark stood. It may have followed the wall clock, which no record says; timers are fired
   * up to here at the end.
   */
  readonly watermark?: number;
};

const BATCH_RECORDS = 2_000;
/** Scratch changes are held in memory until they are committed. */
const COMMIT_RECORDS = 20_000;

/** The operators of a sub-topology behind which state depends on the order of arrival or on the wall clock. */
function arrivalDependent({ nodes }: SubTopology): string[] {
  return arrivalDependentNodes(nodes);
}

/**
 * Builds a task's stores from its inputs alone, merged by timestamp, up to `target`, and returns their digests. State that
 * is commutative, or ordered by the watermark, comes out as the live task has it. Errors:
 * MR_REBUILD_DEPENDS_ON_ARRIVAL unless forced, MR_VERIFY_INPUT_GONE where the log does not begin at the beginning.
 */
export async function rebuildTask(
  { name, subTopology, partition }: TaskPlace,
  target: RebuildTarget,
  options: RebuildOptions,
): Promise<TaskSnapshot> {
  const dependent = arrivalDependent(subTopology);
  if (dependent.length > 0 && options.force !== true) throw dependsOnArrival(name, dependent);
  const scratch = await ScratchTask.open(subTopology, partition, options, 'as-of-now');
  try {
    scratch.wallNow = options.clock.now();
    const rebuild = new Rebuild(scratch, target, options);
    await rebuild.run();
    await options.onDisk?.compare(target.offsets, scratch);
    return scratch.snapshot();
  } finally {
    await scratch.close();
  }
}

export type TaskComparison = {
  readonly task: string;
  readonly live: TaskSnapshot;
  readonly rebuilt: TaskSnapshot;
  readonly stores: SnapshotComparison;
  /** Processors that may differ without anything being wrong. */
  readonly dependsOnArrival: readonly string[];
};

export type ComparisonOptions = RebuildOptions & {
  readonly topology: Topology;
  /** What is held to be the live copy; by default what the journal says of the task's last commit. */
  readonly live?: (place: TaskPlace) => Promise<(TaskSnapshot & { readonly watermark?: number }) | undefined>;
};

/**
 * Holds a task against a rebuild from the log alone. Undefined where nothing is known of the live copy. Errors: those of
 * rebuildTask.
 */
export async function compareTaskWithRebuild(
  place: TaskPlace,
  options: ComparisonOptions,
): Promise<TaskComparison | undefined> {
  const { log, topology } = options;
  const find = options.live ?? ((task: TaskPlace) => journalledSnapshot(log, topology, task));
  const live = await find(place);
  if (live === undefined) return undefined;
  await assertInputsWhole(place, options);
  const rebuilt = await rebuildTask(place, live, options);
  return {
    task: place.name,
    live,
    rebuilt,
    stores: compareSnapshots(live, rebuilt),
    dependsOnArrival: arrivalDependent(place.subTopology),
  };
}

/** A carry-over takes from the topics of an earlier generation what was not read yet, and leaves the rest behind. */
async function assertInputsWhole(
  { name, subTopology: { sources } }: TaskPlace,
  { log, topology }: ComparisonOptions,
): Promise<void> {
  const carriedFrom = (await readManifest(log, topology))?.carriedFrom;
  const internal = new Set(topology.internalTopics.map((topic) => topic.name));
  const cut = sources.find(({ topic }) => internal.has(topic.name));
  if (carriedFrom === undefined || cut === undefined) return;
  throw new FatalError(
    'MR_VERIFY_INPUT_GONE',
    `${name} can't be repeated: ${cut.topic.name} lacks what it read before its state was carried over from generation ${carriedFrom}.`,
    { hint: 'nothing to do: tasks that only read other topics can be compared' },
  );
}

/** Holds every task of a topology against a rebuild; those of which nothing is known are left out. */
export async function* compareWithRebuild(options: ComparisonOptions): AsyncGenerator<TaskComparison> {
  for (const place of placesOf(options.topology)) {
    const comparison = await compareTaskWithRebuild(place, options);
    if (comparison !== undefined) yield comparison;
  }
}

class Rebuild {
  readonly #scratch: ScratchTask;
  readonly #target: RebuildTarget;
  readonly #options: ScratchOptions;
  #uncommitted = 0;

  constructor(scratch: ScratchTask, target: RebuildTarget, options: ScratchOptions) {
    this.#scratch = scratch;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { partitions } = this.#scratch.task.input;
    for (const input of partitions) {
      if (this.#endOf(input) === 0) continue;
      // What compaction has removed was replaced by something later.
      const isCompacted = input.node.topic.cleanup.policy === 'compact';
      await this.#scratch.read(input, isCompacted ? 'start' : 0);
    }
    for (let next = this.#unfetched(); next !== undefined; next = this.#unfetched()) {
      await this.#scratch.fetch(next, (batch) => batchUntil(batch, this.#target.offsets[batch.topic] ?? 0));
      if (this.#scratch.isAtEnd(next) && next.fetchPosition < this.#endOf(next)) next.seek(this.#endOf(next));
      await this.#process();
      this.#tellProgress();
    }
    await this.#process();
    this.#raiseWatermark();
    await this.#process();
    // Behind the last record there may be control records only.
    for (const input of partitions) if (input.bufferedRecords === 0) input.seek(this.#endOf(input));
    await this.#scratch.commit();
  }

  /** The input to fetch from: one that nothing is at hand of, where there is one. */
  #unfetched(): InputPartition | undefined {
    let next: InputPartition | undefined;
    for (const input of this.#scratch.task.input.partitions) {
      input.fetchedAll = input.fetchPosition >= this.#endOf(input);
      if (input.fetchedAll) continue;
      if (next === undefined || input.bufferedRecords < next.bufferedRecords) next = input;
    }
    return next;
  }

  async #process(): Promise<void> {
    this.#unfetched();
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const { partitions } = this.#scratch.task.input;
      const before = partitions.map(({ position }) => position);
      this.#uncommitted += await this.#scratch.task.process(BATCH_RECORDS);
      if (this.#uncommitted >= COMMIT_RECORDS) {
        await this.#scratch.commit();
        this.#uncommitted = 0;
      }
      if (partitions.every(({ position }, i) => position === before[i])) return;
    }
  }

  #tellProgress(): void {
    const { name, input } = this.#scratch.task;
    const done = input.partitions.reduce((sum, { position }) => sum + position, 0);
    const total = input.partitions.reduce((sum, each) => sum + this.#endOf(each), 0);
    this.#options.onProgress?.({ task: name, done, total });
  }

  #raiseWatermark(): void {
    const { watermark } = this.#target;
    if (watermark === undefined || !Number.isFinite(watermark)) return;
    for (const input of this.#scratch.task.input.partitions) {
      if (!input.holdsWatermark || input.watermark.value >= watermark) continue;
      input.watermark.restore({ newest: input.watermark.newest, carried: [watermark] });
    }
  }

  #endOf(input: InputPartition): number {
    return this.#target.offsets[input.node.topic.name] ?? 0;
  }
}

/** The part of a batch before `offset`. */
export function batchUntil(batch: RecordBatch, offset: number): RecordBatch {
  if (batch.nextOffset <= offset) return batch;
  const count = recordsBefore(batch, offset);
  return {
    topic: batch.topic,
    partition: batch.partition,
    count,
    baseOffset: batch.baseOffset,
    nextOffset: offset,
    byteLength: batch.byteLength,
    isPlain: batch.isPlain,
    offset: (index) => batch.offset(index),
    timestamp: (index) => batch.timestamp(index),
    key: (index) => batch.key(index),
    keyText: (index) => batch.keyText(index),
    isEmpty: (index) => batch.isEmpty(index),
    value: (index) => batch.value(index),
    readValue: (index, read) => batch.readValue(index, read),
    readEntry: (index, read) => batch.readEntry(index, read),
    headers: (index) => batch.headers(index),
    free: () => batch.free(),
  };
}

function dependsOnArrival(task: string, processors: readonly string[]): FatalError {
  return new FatalError(
    'MR_REBUILD_DEPENDS_ON_ARRIVAL',
    `The state of ${processors.join(', ')} in ${task}, or after it, depends on arrival order or on the wall clock: a rebuild from the log can differ.`,
    {
      hint: 'verify it from its journal, which is exact except after a global table; or force the rebuild and accept the differences',
    },
  );
}
