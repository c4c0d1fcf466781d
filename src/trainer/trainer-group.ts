import type { GroupMember, Log, Membership, TopicPartition } from '#engine/log';
import { type Clock, errorCode, type Logger } from '#platform';

const sessionTimeoutMs = 10_000;
const heartbeatIntervalMs = 3_000;

type Role = 'active' | 'standby';

/** Of several trainers one works, and keeps its place while it is there; then the next goes on where it had committed. */
function assignToOne(members: readonly GroupMember[]): ReadonlyMap<string, Buffer> {
  const ids = members.map(({ memberId }) => memberId).sort();
  const holder = members.find(({ metadata }) => metadata.toString() === 'active')?.memberId ?? ids[0];
  return new Map(ids.map((id) => [id, roleBytes(id === holder ? 'active' : 'standby')]));
}

const roleBytes = (role: Role) => Buffer.from(role);
const roleOf = ({ assignment }: Membership) => assignment.toString() as Role;

export type TrainerGroupOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly group: string;
  /** Those whose positions the group commits. */
  readonly committedTopics: readonly string[];
  /** Of this process; the same after a restart, so that its place is taken back at once. */
  readonly instanceId: string;
};

/** The committed positions of one generation of a trainer's membership. */
export type TrainerPlace = {
  /** Aborted when the membership has ended, or the caller wants to stop. */
  readonly signal: AbortSignal;
  /** The committed offset of each partition, or the start of the log's records. */
  positions(partitions: readonly TopicPartition[]): Promise<number[]>;
  commit(offsets: readonly (TopicPartition & { readonly offset: number })[]): Promise<void>;
};

/**
 * Calls `work` whenever this process is the active trainer, until `signal` aborts. Heartbeats go on while it works, and
 * so does the work when the group rebalances and the place stays ours.
 */
export async function asActiveTrainer(
  options: TrainerGroupOptions,
  signal: AbortSignal,
  work: (place: TrainerPlace) => Promise<void>,
): Promise<void> {
  const { log, group, committedTopics, instanceId: memberId } = options;
  while (!signal.aborted) {
    const membership = await log.joinGroup({
      group,
      memberId,
      metadata: roleBytes('standby'),
      topics: committedTopics,
      sessionTimeoutMs,
      assign: assignToOne,
    });
    await new Term(options, membership, signal).serve(work);
  }
}

/** The time for which this process has one role. */
class Term {
  readonly #options: TrainerGroupOptions;
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  #membership: Membership;

  constructor(options: TrainerGroupOptions, membership: Membership, signal: AbortSignal) {
    this.#options = options;
    this.#membership = membership;
    this.#signal = signal;
  }

  /** Works, or stands by, until the role changes or the membership ends. */
  async serve(work: (place: TrainerPlace) => Promise<void>): Promise<void> {
    const { logger } = this.#options;
    const beating = this.#beat().finally(() => this.#over.abort());
    // Its failure is met below, when the work has ended.
    beating.catch(() => {});
    try {
      try {
        if (roleOf(this.#membership) === 'active') await work(this.#place());
        else await beating;
      } finally {
        this.#over.abort();
        await beating;
      }
    } catch (error) {
      // The group went on without us: what was not committed is done again, here or elsewhere.
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      logger.warn({ err: error }, 'the group of trainers has rebalanced');
    }
    if (this.#signal.aborted) await this.#membership.leave();
  }

  #place(): TrainerPlace {
    const { log, group } = this.#options;
    return {
      signal: AbortSignal.any([this.#signal, this.#over.signal]),
      positions: (partitions) => committedPositions(log, group, partitions),
      commit: (offsets) => log.commitOffsets(this.#membership, offsets),
    };
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const signal = AbortSignal.any([this.#signal, this.#over.signal]);
    const role = roleOf(this.#membership);
    for (;;) {
      await clock.sleep(heartbeatIntervalMs, signal);
      if (signal.aborted) return;
      const status = await this.#membership.heartbeat();
      if (status === 'expelled') return;
      if (status === 'rebalance') this.#membership = await this.#membership.rejoin(roleBytes(role));
      if (roleOf(this.#membership) !== role) return;
    }
  }
}

async function committedPositions(
  log: Log,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<number[]> {
  const committed = await log.committedOffsets(group, partitions);
  const descriptions = await log.describeTopics(partitions.map(({ topic }) => topic));
  return partitions.map(({ topic, partition }, i) => {
    const start = descriptions.find(({ name }) => name === topic)?.offsets[partition]?.start ?? 0;
    return Math.max(start, committed[i]?.offset ?? start);
  });
}
