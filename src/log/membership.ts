import { invalidAssignment, staleGeneration } from './errors.ts';
import type { GroupReply, GroupRequest } from './group-coordination.ts';
import type { JoinOptions, Membership } from './port.ts';

/** What a member needs of its adapter; see group-coordination.ts for the protocol. */
export interface Coordinator {
  now(): number;
  send(request: GroupRequest): Promise<GroupReply>;
  /** A heartbeat's answer, by a cheaper way than `send` where the adapter has one. */
  heartbeat(group: string, memberId: string, generation: number): Promise<GroupReply>;
  /** Resolves when the group's revision is no longer `revision`, or after `timeoutMs`. */
  changed(group: string, revision: number, timeoutMs: number): Promise<void>;
}

const encode = (bytes: Buffer) => bytes.toString('base64');
const decode = (text: string) => Buffer.from(text, 'base64');

/** Joins and takes part in rounds until there is an assignment. */
export async function joinGroup(coordinator: Coordinator, options: JoinOptions): Promise<Membership> {
  const { group, memberId = null, sessionTimeoutMs } = options;
  for (;;) {
    const reply = await coordinator.send({
      kind: 'join',
      group,
      memberId,
      metadata: encode(options.metadata),
      sessionTimeoutMs,
      now: coordinator.now(),
    });
    const outcome = await settle(coordinator, options, reply);
    if (outcome instanceof GroupMembership) return outcome;
    // A member that was too slow for its session starts over, unless a later instance has taken its place.
    if (outcome === 'replaced' && memberId !== null) throw staleGeneration(group, memberId, -1);
  }
}

/** Follows a round to its end; or tells how this member has lost its place meanwhile. */
async function settle(
  coordinator: Coordinator,
  options: JoinOptions,
  first: GroupReply,
): Promise<GroupMembership | 'expelled' | 'replaced'> {
  const { group } = options;
  let reply = first;
  for (;;) {
    switch (reply.kind) {
      case 'assigned':
        return new GroupMembership(coordinator, options, reply);
      case 'wait': {
        await coordinator.changed(group, reply.revision, reply.recheckMs);
        const { memberId, incarnation } = reply;
        reply = await coordinator.send({
          kind: 'sync',
          group,
          memberId,
          incarnation,
          now: coordinator.now(),
        });
        break;
      }
      case 'lead': {
        const { memberId, incarnation, generation } = reply;
        const shares = await leadRound(coordinator, options, reply);
        const now = coordinator.now();
        reply = await coordinator.send({
          kind: 'assign',
          group,
          memberId,
          incarnation,
          generation,
          shares,
          now,
        });
        break;
      }
      default:
        return reply.kind === 'expelled' && reply.isReplaced === true ? 'replaced' : 'expelled';
    }
  }
}

async function leadRound(
  coordinator: Coordinator,
  { group, assign }: JoinOptions,
  { memberId, members }: GroupReply & { kind: 'lead' },
): Promise<readonly (readonly [string, string])[]> {
  try {
    const shares = assign(members.map(([id, metadata]) => ({ memberId: id, metadata: decode(metadata) })));
    const known = new Set(members.map(([id]) => id));
    for (const id of shares.keys()) if (!known.has(id)) throw invalidAssignment(group, id);
    return [...shares].map(([id, share]) => [id, encode(share)] as const);
  } catch (error) {
    // A leader that cannot assign makes room for one that can, or nobody would ever get a share.
    await coordinator.send({ kind: 'leave', group, memberId, generation: null, now: coordinator.now() });
    throw error;
  }
}

class GroupMembership implements Membership {
  readonly group: string;
  readonly memberId: string;
  readonly generation: number;
  readonly assignment: Buffer;
  readonly #coordinator: Coordinator;
  readonly #options: JoinOptions;

  constructor(coordinator: Coordinator, options: JoinOptions, reply: GroupReply & { kind: 'assigned' }) {
    this.#coordinator = coordinator;
    this.#options = options;
    this.group = options.group;
    this.memberId = reply.memberId;
    this.generation = reply.generation;
    this.assignment = decode(reply.assignment);
  }

  async heartbeat(): Promise<'stable' | 'rebalance' | 'expelled'> {
    const reply = await this.#coordinator.heartbeat(this.group, this.memberId, this.generation);
    return reply.kind === 'alive' ? reply.status : 'expelled';
  }

  async rejoin(metadata: Buffer): Promise<Membership> {
    const { group, memberId, generation } = this;
    const reply = await this.#coordinator.send({
      kind: 'rejoin',
      group,
      memberId,
      generation,
      metadata: encode(metadata),
      now: this.#coordinator.now(),
    });
    const next = await settle(this.#coordinator, { ...this.#options, metadata }, reply);
    if (!(next instanceof GroupMembership)) throw staleGeneration(group, memberId, generation);
    return next;
  }

  async leave(): Promise<void> {
    const { group, memberId, generation } = this;
    // With its generation, so that whoever was replaced does not put its successor out.
    await this.#coordinator.send({
      kind: 'leave',
      group,
      memberId,
      generation,
      now: this.#coordinator.now(),
    });
  }
}
