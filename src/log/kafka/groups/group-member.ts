import { heartbeatV4, leaveGroupV5 } from '@platformatic/kafka';
import { errorCode } from '#platform';
import { staleGeneration } from '../../errors.ts';
import type { JoinOptions } from '../../port.ts';
import { askCoordinator, type Coordinated } from '../wire/ask-coordinator.ts';
import type { Cluster } from '../wire/cluster.ts';
import { BrokerError, errorName } from '../wire/kafka-errors.ts';
import { groupError, isExpelled } from './group-errors.ts';
import { takePart } from './round.ts';

/**
 * One place in a group as the coordinator knows it, over all of its generations. A join waits at the coordinator for the
 * other members, so each member has a connection of its own; what must not wait behind a join goes by the shared one.
 */
export class GroupMember {
  readonly cluster: Cluster;
  readonly options: JoinOptions;
  /** The connection on which it joins and heartbeats. */
  readonly purpose: string;
  /** Given by the coordinator; '' until then. */
  id = '';
  /** Generation of the last rebalance it took part in. */
  generation = -1;
  /** Generation of its last assignment. */
  #granted = -1;
  #asks = 0;
  #isJoining = false;
  #hasEnded = false;

  constructor(cluster: Cluster, options: JoinOptions) {
    this.cluster = cluster;
    this.options = options;
    this.purpose = cluster.newPurpose('group');
  }

  get group(): string {
    return this.options.group;
  }

  /** The way to its coordinator that is its own. */
  get coordinated(): Coordinated {
    return { kind: 'group', key: this.group, purpose: this.purpose };
  }

  /** As the brokers call the group. */
  get kafkaGroup(): string {
    return this.cluster.prefixed(this.group);
  }

  /** Static members keep their place over a restart; null for others. */
  get instanceId(): string | null {
    return this.options.memberId ?? null;
  }

  /** As the port calls it. */
  get memberId(): string {
    return this.instanceId ?? this.id;
  }

  /** Whether it has left, or the coordinator has forgotten it: whatever it asks for would be refused. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  stale(): Error {
    return staleGeneration(this.group, this.memberId, this.#granted);
  }

  /** Its share of the group's first round with it. Errors: as of Log.joinGroup. */
  async join(): Promise<Buffer> {
    try {
      return await this.#join(() => takePart(this, this.options.metadata, this.#asks++));
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /**
   * As Membership.rejoin, for the membership of `generation`. A static member that has missed a round is still a member, and
   * could join the next one with what it held before: another may hold that now. So it asks first whether it is up to date.
   */
  async rejoin(generation: number, metadata: Buffer): Promise<Buffer> {
    if (this.#isPast(generation) || this.#isJoining) throw this.stale();
    try {
      return await this.#join(async () => {
        if ((await this.#ask(generation)) === 'expelled') throw this.stale();
        // equivalent mutant (arithmetic): the numbers only have to differ
        return takePart(this, metadata, this.#asks++);
      });
    } catch (error) {
      if (errorCode(error) === 'MR_LOG_GENERATION') await this.#end();
      throw error;
    }
  }

  async #join(join: () => Promise<Buffer>): Promise<Buffer> {
    this.#isJoining = true;
    try {
      const share = await join();
      this.#granted = this.generation;
      return share;
    } finally {
      this.#isJoining = false;
    }
  }

  /** As Membership.heartbeat, for the membership of `generation`. */
  async heartbeat(generation: number): Promise<'stable' | 'rebalance' | 'expelled'> {
    if (this.#isPast(generation)) return 'expelled';
    // It would wait behind the join, which keeps the member alive.
    if (this.#isJoining) return 'rebalance';
    const answer = await this.#ask(generation);
    if (answer !== 'expelled') return answer;
    // A round that this member has begun meanwhile makes the generation that was asked about an old one.
    if (this.#isJoining) return 'rebalance';
    if (!this.#isPast(generation)) await this.#end();
    return 'expelled';
  }

  async #ask(generation: number): Promise<'stable' | 'rebalance' | 'expelled'> {
    const { kafkaGroup, id, instanceId } = this;
    try {
      await askCoordinator(this.cluster, this.coordinated, (connection) =>
        this.#inSession(heartbeatV4.api.async(connection, kafkaGroup, generation, id, instanceId)),
      );
      return 'stable';
    } catch (error) {
      if (errorName(error) === 'REBALANCE_IN_PROGRESS') return 'rebalance';
      if (isExpelled(error)) return 'expelled';
      throw groupError(error, this.group);
    }
  }

  /**
   * Makes room for others. One that is out has nothing to leave, and whoever took its place is not disturbed. Where the
   * coordinator can't be reached for a session, it is not needed any more: the group goes on without those it does not hear.
   */
  async leave(): Promise<void> {
    if (this.#hasEnded || this.id === '') return;
    const { cluster, group, kafkaGroup, id, instanceId } = this;
    const member = { memberId: id, groupInstanceId: instanceId, reason: null };
    // The coordinator answers a join that waits; it must not be sent again.
    this.#hasEnded = true;
    try {
      await askCoordinator(
        cluster,
        { kind: 'group', key: group },
        (connection) => leaveGroupV5.api.async(connection, kafkaGroup, [member]),
        { timeoutMs: this.options.sessionTimeoutMs },
      );
    } catch (error) {
      if (!isExpelled(error) && errorCode(error) !== 'MR_LOG_UNAVAILABLE') throw groupError(error, group);
    }
    await this.#end();
  }

  /** A connection that is silent for a session is given up: behind a lost network it may be so for minutes. */
  async #inSession<T>(request: Promise<T>): Promise<T> {
    const { cluster, purpose, options } = this;
    const answered = new AbortController();
    const silence = cluster.clock.sleep(options.sessionTimeoutMs, answered.signal).then(() => {
      if (answered.signal.aborted) return request;
      // Its end is not waited for: what was written to it may never leave.
      void cluster.disconnect(purpose);
      throw new BrokerError('REQUEST_TIMED_OUT', `a heartbeat of group ${this.group}`);
    });
    try {
      return await Promise.race([request, silence]);
    } finally {
      answered.abort();
    }
  }

  #isPast(generation: number): boolean {
    return this.#hasEnded || this.#granted !== generation;
  }

  /** Returns the connection to its owner. */
  async #end(): Promise<void> {
    this.#hasEnded = true;
    await this.cluster.disconnect(this.purpose);
  }
}
