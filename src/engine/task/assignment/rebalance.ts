import type { Log, Membership } from '#log';
import { type Clock, errorCode, invariant, type Logger, RetryableError } from '#platform';
import {
  decodeShare,
  encodeMetadata,
  type MemberMetadata,
  nameOf,
  type Share,
  type TaskId,
} from './assignment.ts';
import { type AssignmentOptions, assignTasks } from './placement.ts';

export type RebalanceOptions = {
  readonly log: Pick<Log, 'joinGroup'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly group: string;
  readonly memberId: string;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Those that the tasks read. */
  readonly topics: readonly string[];
  readonly assignment: AssignmentOptions;
  /** What this member holds at the time of asking. */
  readonly metadata: () => MemberMetadata;
};

/** 'share': a round has ended and given this member its share. 'expelled': the group has gone on without it. */
export type GroupNews = 'share' | 'expelled' | undefined;

const NO_SHARE: Share = { active: [], standby: [], owners: new Map() };

/**
 * This member's part in the group: heartbeats, and rounds that are followed while the tasks go on. Until a round has
 * ended, commits under the old generation are accepted; the cooperative assignment (assignTasks) gives nobody a task
 * that another holds, so what is held when the round ends may still be committed under the new one.
 */
export class Rebalance {
  readonly #options: RebalanceOptions;
  #membership: Membership | undefined;
  #share: Share = NO_SHARE;
  #rejoining: Promise<void> | undefined;
  #heartbeating = false;
  #lastHeartbeat = 0;
  /** Whether tasks wait for a round that this member has to begin, once it has let go of them. */
  #owesRound = false;
  #claimed: readonly TaskId[] = [];
  #news: GroupNews;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RebalanceOptions) {
    this.#options = options;
  }

  get membership(): Membership {
    invariant(this.#membership !== undefined, 'the group has not been joined');
    return this.#membership;
  }

  get share(): Share {
    return this.#share;
  }

  /** Whether a round is on, or has ended without having been looked at. */
  get isUnderWay(): boolean {
    return this.#rejoining !== undefined || this.#owesRound || this.#news !== undefined;
  }

  /** Whether the group has gone on without this member, which has yet to be looked at. */
  get isExpelled(): boolean {
    return this.#news === 'expelled';
  }

  /** Joins, or rejoins if this member was in the group before, and waits for the round. */
  async join(): Promise<void> {
    const { log, group, memberId, sessionTimeoutMs, topics, assignment } = this.#options;
    this.#rejoining = undefined;
    // Until it has succeeded.
    this.#news = 'expelled';
    this.#share = NO_SHARE;
    this.#arrive(
      await log.joinGroup({
        group,
        memberId,
        metadata: this.#claim(),
        topics,
        sessionTimeoutMs,
        assign: (members) => assignTasks(assignment, members),
      }),
    );
    // A member that comes back gets its old share: it owes the round that it should have begun when it ended, and one
    // that tells the others where it is now.
    this.#owesRound = this.#hasTasksWithoutOwner() || this.#hasMoved();
    this.beginIfOwed();
  }

  #hasTasksWithoutOwner(): boolean {
    return [...this.#share.owners.values()].some(({ active }) => active === undefined);
  }

  #hasMoved(): boolean {
    const { memberId, metadata } = this.#options;
    const addresses = [...this.#share.owners.values()].flatMap(({ active, standbys }) => [
      active,
      ...standbys,
    ]);
    const mine = addresses.find((address) => address?.memberId === memberId);
    return mine !== undefined && mine.endpoint !== metadata().endpoint;
  }

  /** What has come about since the last call. Sends a heartbeat when one is due, and does not wait for it. */
  look(): GroupNews {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    const news = this.#news;
    this.#news = undefined;
    if (news === undefined) this.keepAlive();
    return news;
  }

  /** Sends a heartbeat when one is due. */
  keepAlive(): void {
    const now = this.#options.clock.monotonic();
    if (this.#membership === undefined || this.#rejoining !== undefined || this.#heartbeating) return;
    if (now - this.#lastHeartbeat < this.#options.heartbeatIntervalMs) return;
    this.#lastHeartbeat = now;
    if (!this.beginIfOwed()) void this.#heartbeat(this.#membership);
  }

  /** Begins the round that gives to others what this member was told to let go of, if it has done so. */
  beginIfOwed(): boolean {
    const kept = new Set(this.#share.active.map(nameOf));
    if (!this.#owesRound || this.#options.metadata().active.some((task) => !kept.has(nameOf(task))))
      return false;
    this.begin();
    return true;
  }

  /**
   * What is held, and what the last share has given and is about to be: a task that went to another meanwhile would have
   * two owners, of whom the second may have read its offsets before the first has committed.
   */
  #claim(): Buffer {
    const metadata = this.#options.metadata();
    const held = new Set(metadata.active.map(nameOf));
    const given = this.#share.active.filter((task) => !held.has(nameOf(task)));
    this.#claimed = [...metadata.active, ...given];
    return encodeMetadata({ ...metadata, active: this.#claimed });
  }

  async #heartbeat(membership: Membership): Promise<void> {
    this.#heartbeating = true;
    try {
      const state = await membership.heartbeat();
      if (this.#membership !== membership || this.#rejoining !== undefined) return;
      if (state === 'expelled') this.#news = 'expelled';
      else if (state === 'rebalance') this.begin();
    } catch (error) {
      if (this.#membership === membership) this.#fail(error);
    } finally {
      this.#heartbeating = false;
    }
  }

  /** Begins a round, or takes part in the one that has begun, with what is held now. */
  begin(): void {
    if (this.#rejoining !== undefined) return;
    const rejoining = this.#rejoin(() => this.#rejoining === rejoining);
    this.#rejoining = rejoining;
  }

  async #rejoin(isCurrent: () => boolean): Promise<void> {
    const { membership } = this;
    try {
      const next = await membership.rejoin(this.#claim());
      if (isCurrent()) this.#arrive(next);
    } catch (error) {
      if (!isCurrent()) return;
      this.#rejoining = undefined;
      if (errorCode(error) === 'MR_LOG_GENERATION') this.#news = 'expelled';
      else this.#fail(error);
    }
  }

  #arrive(membership: Membership): void {
    this.#rejoining = undefined;
    this.#membership = membership;
    this.#share = decodeShare(membership.assignment);
    const kept = new Set(this.#share.active.map(nameOf));
    this.#owesRound = this.#claimed.some((task) => !kept.has(nameOf(task)));
    this.#news = 'share';
    this.#lastHeartbeat = this.#options.clock.monotonic();
  }

  #fail(error: unknown): void {
    // The next heartbeat tries again.
    if (error instanceof RetryableError) this.#options.logger.warn({ err: error }, 'a heartbeat has failed');
    else this.#failure = { error };
  }

  /** After a commit under `used` was refused: whether there is a newer membership that it can be done under. */
  async hasMovedOnFrom(used: Membership): Promise<boolean> {
    if (this.#membership === used) await this.#rejoining;
    return this.#membership !== used && this.#news !== 'expelled';
  }

  /** Nothing is left before the group was joined. */
  async leave(): Promise<void> {
    const membership = this.#membership;
    await membership?.leave();
    await this.#rejoining;
    // A round that ended at the same time has made the generation that was left a stale one.
    if (this.#membership !== membership) await this.membership.leave();
  }
}
