import type { GroupMember, GroupMetadata, Log, Membership, TopicPartition } from '#log';
import { type Clock, errorCode, type Logger, namingFullDisk, RetryableError } from '#platform';

const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 3_000;

/** A log that fails is let alone for so long, and so is another writer that has fenced this one. */
const PAUSE_MS = 1_000;

export type MemberRole = 'active' | 'standby';

/** One of several members works as long as it is alive; then the next continues from its last commit. */
function assignToOne(members: readonly GroupMember[]): ReadonlyMap<string, Buffer> {
  const ids = members.map(({ memberId }) => memberId).sort();
  const holder = members.find(({ metadata }) => metadata.toString() === 'active')?.memberId ?? ids[0];
  return new Map(ids.map((id) => [id, roleBytes(id === holder ? 'active' : 'standby')]));
}

const roleBytes = (role: MemberRole) => Buffer.from(role);
const roleOf = ({ assignment }: Membership) => assignment.toString() as MemberRole;

export type ActiveMemberOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly group: string;
  /** Those whose positions the group commits. */
  readonly committedTopics: readonly string[];
  /** Id of this process; the same after a restart, so that it resumes at once. */
  readonly instanceId: string;
  /** Told each time that this process becomes the active member, or has to wait for another one. */
  readonly onRole?: (role: MemberRole) => void;
  /** Told why the work has stalled, before it is tried again. */
  readonly onStalled?: (error: Error) => void;
  /** Somebody waits for the work: it rejects where the log is unavailable, which is waited for otherwise. */
  readonly isAwaited?: boolean;
  /** Where the work writes: a full disk is waited for like a log that is unavailable. */
  readonly dataDirectory?: string;
};

/** The place of the active member, for as long as it has it. */
export type ActivePlace = {
  /** Aborted when the membership has ended, or the caller wants to stop. */
  readonly signal: AbortSignal;
  /** The committed offset of each partition, or the start of the log's records. */
  positions(partitions: readonly TopicPartition[]): Promise<number[]>;
  commit(offsets: readonly (TopicPartition & { readonly offset: number })[]): Promise<void>;
  /** The membership as it is now, under which a transaction may commit offsets. */
  group(): GroupMetadata;
};

/**
 * Calls `work` whenever this process is the active member of a group, until `signal` aborts. Heartbeats continue while it
 * works, and the work survives a rebalance that leaves this member active. Work that ends by itself is called again, and so
 * is work that fails transiently, or that was fenced: by an erasure that writes under the same id, or by a member that does
 * not know yet that it is no longer active.
 */
export async function asActiveMember(
  options: ActiveMemberOptions,
  signal: AbortSignal,
  work: (place: ActivePlace) => Promise<void>,
): Promise<void> {
  const { log, clock, logger, group, committedTopics, instanceId: memberId, isAwaited = false } = options;
  while (!signal.aborted) {
    try {
      const membership = await log.joinGroup({
        group,
        memberId,
        metadata: roleBytes('standby'),
        topics: committedTopics,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        assign: assignToOne,
      });
      await new Term(options, membership, signal).serve(work);
    } catch (error) {
      if (isAwaited || !(error instanceof RetryableError)) throw error;
      logger.warn({ group, err: error }, "a group's work has stalled; retrying");
      options.onStalled?.(error);
      await clock.sleep(PAUSE_MS, signal);
    }
  }
}

/** The time for which this process has one role. */
class Term {
  readonly #options: ActiveMemberOptions;
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  #membership: Membership;

  constructor(options: ActiveMemberOptions, membership: Membership, signal: AbortSignal) {
    this.#options = options;
    this.#membership = membership;
    this.#signal = signal;
  }

  /** Works, or stands by, until the role changes or the membership ends. */
  async serve(work: (place: ActivePlace) => Promise<void>): Promise<void> {
    const { logger, onRole, group } = this.#options;
    const beating = this.#beat().finally(() => this.#over.abort());
    // Its failure is met below, when the work has ended.
    beating.catch(() => {});
    try {
      try {
        const role = roleOf(this.#membership);
        onRole?.(role);
        await (role === 'active' ? this.#unfenced(work) : beating);
      } finally {
        this.#over.abort();
        await beating;
      }
    } catch (error) {
      // The group went on without us: what was not committed is done again, here or elsewhere.
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      logger.warn({ group, err: error }, 'the group has rebalanced; another member may be active now');
    }
    if (this.#signal.aborted) await this.#membership.leave();
  }

  async #unfenced(work: (place: ActivePlace) => Promise<void>): Promise<void> {
    const { clock, logger, group, dataDirectory } = this.#options;
    const place = this.#place();
    const { signal } = place;
    while (!signal.aborted) {
      try {
        return await work(place);
      } catch (error) {
        if (signal.aborted && error === signal.reason) return;
        if (errorCode(error) !== 'MR_LOG_FENCED')
          throw dataDirectory === undefined ? error : namingFullDisk(error, dataDirectory);
        logger.info({ group, err: error }, 'another writer has fenced this one, which goes on after it');
        await clock.sleep(PAUSE_MS, signal);
        // Working again fences the other one, which may have the place by now.
        if (!signal.aborted && (await this.#membership.heartbeat()) === 'expelled') return;
      }
    }
  }

  #place(): ActivePlace {
    const { log, group } = this.#options;
    return {
      signal: AbortSignal.any([this.#signal, this.#over.signal]),
      positions: (partitions) => committedPositions(log, group, partitions),
      commit: (offsets) => log.commitOffsets(this.#membership, offsets),
      group: () => this.#membership,
    };
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const signal = AbortSignal.any([this.#signal, this.#over.signal]);
    const role = roleOf(this.#membership);
    for (;;) {
      await clock.sleep(HEARTBEAT_INTERVAL_MS, signal);
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
