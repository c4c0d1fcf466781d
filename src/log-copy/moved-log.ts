import type { MovedOffsets } from '#engine';
import type { Log, TopicDescription, TopicPartition } from '#log';
import { errorCode } from '#platform';
import { type CopyOptions, copyGroup } from './copy-options.ts';
import { OffsetRuns } from './offset-runs.ts';
import { type Offsets, readStretch } from './stretch.ts';

/** Where the records that were copied lie on the target; asked once they are there, a partition at a time. */
export class MovedLog {
  readonly #options: Pick<CopyOptions, 'from' | 'to' | 'signal'>;
  readonly #partitions = new Map<string, Promise<MovedOffsets | undefined>>();

  constructor(options: Pick<CopyOptions, 'from' | 'to' | 'signal'>) {
    this.#options = options;
  }

  /** Undefined where one of the logs has no such partition. */
  readonly offsetsOf = (at: TopicPartition): Promise<MovedOffsets | undefined> => {
    const name = `${at.topic}/${at.partition}`;
    const known = this.#partitions.get(name) ?? this.#find(at);
    this.#partitions.set(name, known);
    return known;
  };

  async #find(at: TopicPartition): Promise<MovedOffsets | undefined> {
    const { from, to, signal } = this.#options;
    const [source, target] = [await describe(from.log, at.topic), await describe(to.log, at.topic)];
    const [here, there] = [source?.offsets[at.partition], target?.offsets[at.partition]];
    if (source === undefined || here === undefined || there === undefined) return undefined;
    const [copied] = await to.log.committedOffsets(copyGroup(from), [at]);
    return findMoved({
      from: from.log,
      to: to.log,
      at,
      compacted: source.cleanup.policy === 'compact',
      here: { from: here.start, to: copied?.offset ?? here.start },
      // Up to the end and not to the stable offset, which may follow a moment after a commit.
      there: { from: there.start, to: there.end },
      signal,
    });
  }
}

async function describe(log: Log, topic: string): Promise<TopicDescription | undefined> {
  try {
    return (await log.describeTopics([topic]))[0];
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    return undefined;
  }
}

export type CopiedStretches = {
  readonly from: Log;
  readonly to: Log;
  readonly at: TopicPartition;
  readonly compacted: boolean;
  /** What has been copied of the source. */
  readonly here: Offsets;
  /** All there is on the target. */
  readonly there: Offsets;
  readonly signal: AbortSignal;
};

/**
 * Finds the records of a partition again in its copy, by counting from the newest one: retention takes the oldest, and
 * compaction leaves the newest of each key, so what one side lacks is older than what both have. In a compacted topic
 * the records of each key are counted.
 */
export async function findMoved(options: CopiedStretches): Promise<MovedOffsets> {
  const { there } = options;
  const { source, target, all } = await (options.compacted ? commonByKey(options) : inOrder(options));
  const shift = target.size - source.size;
  return {
    // After the last record before: control records that follow it may have become more by the next call.
    position: (offset) => {
      const next = source.rank(offset) + shift;
      const before = next < target.size ? all.rank(target.at(Math.max(0, next))) : all.size;
      return before === 0 ? there.from : all.at(before - 1) + 1;
    },
    run: (first, last, count) => {
      const [from, to] = [source.rank(first), source.rank(last)];
      if (!source.has(first) || !source.has(last) || to - from + 1 !== count || from + shift < 0)
        return undefined;
      return { first: target.at(from + shift), last: target.at(to + shift) };
    },
  };
}

type Found = {
  /** The last of both are the same records. */
  readonly source: OffsetRuns;
  readonly target: OffsetRuns;
  /** Those of the target. */
  readonly all: OffsetRuns;
};

async function inOrder({ from, to, at, here, there, signal }: CopiedStretches): Promise<Found> {
  const [source, target] = [new OffsetRuns(), new OffsetRuns()];
  await eachRecord(from, at, here, signal, (offset) => source.add(offset));
  await eachRecord(to, at, there, signal, (offset) => target.add(offset));
  return { source, target, all: target };
}

async function commonByKey({ from, to, at, here, there, signal }: CopiedStretches): Promise<Found> {
  const [onSource, onTarget] = [new KeyedOffsets(), new KeyedOffsets()];
  await eachRecord(from, at, here, signal, (offset, key) => onSource.add(offset, key()));
  await eachRecord(to, at, there, signal, (offset, key) => onTarget.add(offset, key()));
  return { source: onSource.common(onTarget), target: onTarget.common(onSource), all: onTarget.all };
}

class KeyedOffsets {
  readonly all = new OffsetRuns();
  readonly #keys: string[] = [];
  readonly #counts = new Map<string, number>();

  add(offset: number, key: string): void {
    this.all.add(offset);
    this.#keys.push(key);
    this.#counts.set(key, this.count(key) + 1);
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** As many of each key's newest records as the other side has, too. */
  common(other: KeyedOffsets): OffsetRuns {
    const common = new OffsetRuns();
    const left = new Map(this.#counts);
    for (const [rank, key] of this.#keys.entries()) {
      const count = left.get(key) ?? 0;
      left.set(key, count - 1);
      if (count <= other.count(key)) common.add(this.all.at(rank));
    }
    return common;
  }
}

async function eachRecord(
  log: Log,
  at: TopicPartition,
  stretch: Offsets,
  signal: AbortSignal,
  take: (offset: number, key: () => string) => void,
): Promise<void> {
  for await (const { batches } of readStretch(log, at, stretch, signal)) {
    for (const batch of batches) {
      for (let i = 0; i < batch.count && batch.offset(i) < stretch.to; i++)
        take(batch.offset(i), () => batch.key(i)?.toString('latin1') ?? '');
    }
  }
}
