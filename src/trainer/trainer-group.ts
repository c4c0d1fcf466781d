import type { GroupMember, Log, Membership, TopicPartition } from '#engine/log';
import { type Clock, errorCode, type Logger } from '#platform';

const sessionTimeoutMs = 10_000;
const heartbeatIntervalMs = 3_000;

/** Of several trainers one works; when it is gone, the next takes over where it had committed. */
function assignToOne(members: readonly GroupMember[]): ReadonlyMap<string, Buffer> {
  const [first] = members.map(({ memberId }) => memberId).sort();
  return new Map(
    members.map(({ memberId }) => [memberId, Buffer.from(memberId === first ? 'active' : 'standby')]),
  );
}

export type TrainerGroupOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly group: string;
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
 * Calls `work` whenever this process is the active trainer, until `signal` aborts. Heartbeats go on while it works; when
 * the group rebalances, its signal aborts, and it is called again if the place is still ours.
 */
export async function asActiveTrainer(
  options: TrainerGroupOptions,
  signal: AbortSignal,
  work: (place: TrainerPlace) => Promise<void>,
): Promise<void> {
  const { log, group, instanceId: memberId } = options;
  while (!signal.aborted) {
    const membership = await log.joinGroup({
      group,
      memberId,
      metadata: Buffer.alloc(0),
      sessionTimeoutMs,
      assign: assignToOne,
    });
    await holdPlace(options, membership, signal, work);
  }
}

async function holdPlace(
  options: TrainerGroupOptions,
  membership: Membership,
  signal: AbortSignal,
  work: (place: TrainerPlace) => Promise<void>,
): Promise<void> {
  const { log, logger } = options;
  const ended = new AbortController();
  const whole = AbortSignal.any([signal, ended.signal]);
  const beating = heartbeats(options, membership, whole).finally(() => ended.abort());
  try {
    if (membership.assignment.toString() === 'active') {
      await work({
        signal: whole,
        positions: (partitions) => committedPositions(log, options.group, partitions),
        commit: (offsets) => log.commitOffsets(membership, offsets),
      });
    } else await beating;
  } catch (error) {
    // Another trainer has the place now: what was not committed is its to do.
    if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
    logger.warn({ err: error }, 'the group of trainers has rebalanced');
  } finally {
    ended.abort();
    await beating;
  }
  if (signal.aborted) await membership.leave();
}

/** Ends when the membership does, or `signal` aborts. */
async function heartbeats(
  { clock }: TrainerGroupOptions,
  membership: Membership,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(heartbeatIntervalMs, signal);
    if (!signal.aborted && (await membership.heartbeat()) !== 'stable') return;
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
