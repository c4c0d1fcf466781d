import type { Appended, Log, OffsetCommit, Producer, Records, TopicPartition } from '#log';
import { FencedWriter } from '#log';
import { errorCode, FatalError } from '#platform';
import type { Outbox } from '../../operators/outbox.ts';
import type { Rebalance } from '../assignment/rebalance.ts';
import { step } from '../failpoints.ts';

/**
 * What becomes of a commit that a crash interrupts. 'exactly-once': it has happened or it has not. 'at-least-once': its
 * outputs may be there without its offsets, and come again.
 */
export type Guarantee = 'exactly-once' | 'at-least-once';

/** What a commit takes of a task. */
type Uncommitted = {
  readonly name: string;
  readonly outbox: Outbox;
  readonly input: { readonly partitions: readonly { takenBytes: number }[] };
  collect(): Promise<readonly OffsetCommit[]>;
  commit(appended: readonly Appended[]): Promise<void>;
};

type Work = {
  readonly appends: readonly (TopicPartition & { readonly records: Records })[];
  readonly offsets: readonly OffsetCommit[];
};

/** Writes what tasks have done to the log, and then to their stores. */
export interface Committer {
  /** Returns where the appends ended up. Errors: MR_LOG_GENERATION where the group has gone on without this member. */
  write(work: Work): Promise<readonly Appended[]>;
  close(): Promise<void>;
}

export async function openCommitter(
  guarantee: Guarantee,
  log: Log,
  transactionalId: string,
  rebalance: Rebalance,
): Promise<Committer> {
  if (guarantee === 'at-least-once') return new AtLeastOnce(log, await log.producer(), rebalance);
  return new ExactlyOnce(await FencedWriter.open(log, transactionalId), rebalance);
}

/** A store of `task` turned out to be damaged by what a commit lets out or writes. */
export class DamagedTaskError extends FatalError {
  readonly task: string;

  constructor(task: string, cause: unknown) {
    super('MR_STORE_CORRUPT', `a store of task ${task} is damaged: ${String(cause)}`, { cause });
    this.task = task;
  }
}

/**
 * Commits `tasks` together: outputs, changelog records and input offsets in the log, then the stores. Errors:
 * DamagedTaskError, before the transaction or after it.
 */
export async function commitTasks(tasks: readonly Uncommitted[], committer: Committer): Promise<void> {
  const offsets: OffsetCommit[] = [];
  const appends = [];
  for (const task of tasks) {
    offsets.push(...(await orDamaged(task, task.collect())));
    appends.push(...task.outbox.appends());
  }
  step('commit.collect');
  const appended = await committer.write({ appends, offsets });
  step('commit.store.before');
  for (const task of tasks) {
    await orDamaged(task, task.commit(appended));
    task.outbox.clear();
    for (const input of task.input.partitions) input.takenBytes = 0;
    step('commit.store.between');
  }
  step('commit.store.after');
}

async function orDamaged<T>({ name }: Uncommitted, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw errorCode(error) === 'MR_STORE_CORRUPT' ? new DamagedTaskError(name, error) : error;
  });
}

/**
 * What the next commit keeps in memory until then: outputs, and the inputs whose changes of state wait with them (by
 * the size of the records, which is of the order of what operators keep).
 */
export function uncommittedBytes(tasks: readonly Uncommitted[]): number {
  let bytes = 0;
  for (const { outbox, input } of tasks) {
    bytes += outbox.bytes;
    for (const { takenBytes } of input.partitions) bytes += takenBytes;
  }
  return bytes;
}

/** One transaction of the log a commit. */
class ExactlyOnce implements Committer {
  readonly #writer: FencedWriter;
  readonly #rebalance: Rebalance;

  constructor(writer: FencedWriter, rebalance: Rebalance) {
    this.#writer = writer;
    this.#rebalance = rebalance;
  }

  async write({ appends, offsets }: Work): Promise<readonly Appended[]> {
    return underCurrentGeneration(this.#rebalance, async () => {
      step('commit.log.before');
      const group = this.#rebalance.membership;
      const appended = await this.#writer.write({ appends, offsets: [{ group, offsets }] });
      step('commit.log.after');
      return appended;
    });
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/** Outputs and changelog are acknowledged before the offsets are committed. */
class AtLeastOnce implements Committer {
  readonly #log: Pick<Log, 'commitOffsets'>;
  readonly #producer: Producer;
  readonly #rebalance: Rebalance;

  constructor(log: Pick<Log, 'commitOffsets'>, producer: Producer, rebalance: Rebalance) {
    this.#log = log;
    this.#producer = producer;
    this.#rebalance = rebalance;
  }

  async write({ appends, offsets }: Work): Promise<readonly Appended[]> {
    step('commit.log.before');
    const appended = await Promise.all(
      appends.map(({ topic, partition, records }) => this.#producer.append(topic, partition, records)),
    );
    await underCurrentGeneration(this.#rebalance, () =>
      this.#log.commitOffsets(this.#rebalance.membership, offsets),
    );
    step('commit.log.after');
    return appended;
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

/** Writes again under the new generation where a round has ended meanwhile: the tasks are still this member's. */
async function underCurrentGeneration<T>(rebalance: Rebalance, write: () => Promise<T>): Promise<T> {
  for (;;) {
    const { membership } = rebalance;
    try {
      return await write();
    } catch (error) {
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      if (!(await rebalance.hasMovedOnFrom(membership))) throw error;
    }
  }
}
