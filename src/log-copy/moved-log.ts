import type { MovedOffsets } from '#engine';
import type { Log, TopicDescription, TopicPartition } from '#log';
import { errorCode } from '#platform';
import { type CopyOptions, copyGroup } from './copy-options.ts';
import { findMoved } from './moved-partition.ts';

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
