import { joinGroupV9, type ResponseError, syncGroupV5 } from '@platformatic/kafka';
import { invalidAssignment } from '../../errors.ts';
import { askCoordinator } from '../wire/ask-coordinator.ts';
import { errorName } from '../wire/kafka-errors.ts';
import { decodeShare, decodeSubscription, encodeShare, encodeSubscription } from './consumer-protocol.ts';
import { groupError } from './group-errors.ts';
import type { GroupMember } from './group-member.ts';

const PROTOCOL_TYPE = 'consumer';
/** What Java's tools show as the assignment strategy. */
const PROTOCOL = 'millrace';

type Joined = Awaited<ReturnType<typeof joinGroupV9.api.async>>;
type Shares = { memberId: string; assignment: Buffer }[];

/** How a round has ended for a member without giving it a share. 'again': there is another one, to be joined as it is. */
type Refusal = 'again' | 'forgotten' | 'replaced';

/**
 * Takes the member through rounds of the classic protocol (JoinGroup, SyncGroup) until one has given it a share, and returns
 * that. `ask` counts the times that the member has called for one. In the first it is new, and starts over when the
 * coordinator has forgotten it; later it has lost its place then: MR_LOG_GENERATION.
 */
export async function takePart(member: GroupMember, metadata: Buffer, ask: number): Promise<Buffer> {
  const { cluster, options } = member;
  const isNew = ask === 0;
  const topics = (options.topics ?? []).map((topic) => cluster.prefixed(topic));
  const subscription = encodeSubscription({ topics, ask, metadata });
  for (;;) {
    const outcome = await oneRound(member, subscription, isNew);
    if (outcome instanceof Buffer) return outcome;
    if (outcome === 'again') continue;
    if (outcome === 'replaced' || !isNew) throw member.stale();
    member.id = '';
  }
}

async function oneRound(
  member: GroupMember,
  subscription: Buffer,
  isNew: boolean,
): Promise<Buffer | Refusal> {
  const joined = await join(member, subscription);
  if (typeof joined === 'string') return joined;
  // A round has gone by without it, and what it has said in this one was no longer true. Nobody has acted on that yet: by
  // leaving it makes sure that nobody does.
  if (!isNew && joined.generationId > member.generation + 1) {
    await member.leave();
    return 'forgotten';
  }
  member.generation = joined.generationId;
  return sync(member, joined);
}

/** Waits for the other members. */
async function join(member: GroupMember, metadata: Buffer): Promise<Joined | Refusal> {
  const { kafkaGroup, instanceId, options } = member;
  const { sessionTimeoutMs } = options;
  // Members that are alive and don't come have as long as those that are dead: nobody waits longer than for a session.
  const rebalanceTimeoutMs = sessionTimeoutMs;
  const protocols = [{ name: PROTOCOL, metadata }];
  try {
    const joined = await inRound(member, (connection) =>
      joinGroupV9.api.async(
        connection,
        kafkaGroup,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        member.id,
        instanceId,
        PROTOCOL_TYPE,
        protocols,
        null,
      ),
    );
    member.id = joined.memberId;
    return joined;
  } catch (error) {
    if (errorName(error) === 'MEMBER_ID_REQUIRED') {
      member.id = ((error as ResponseError).response as Joined).memberId;
      return 'again';
    }
    return refusal(member, error);
  }
}

/** Distributes the assignment if this member leads, and waits for its own. */
async function sync(member: GroupMember, joined: Joined): Promise<Buffer | Refusal> {
  // A static leader that comes back finds the shares still given out.
  const leads = joined.leader === joined.memberId && !joined.skipAssignment;
  const shares = leads ? await shareOut(member, joined) : [];
  const { kafkaGroup, instanceId } = member;
  try {
    const { assignment } = await inRound(member, (connection) =>
      syncGroupV5.api.async(
        connection,
        kafkaGroup,
        joined.generationId,
        joined.memberId,
        instanceId,
        PROTOCOL_TYPE,
        joined.protocolName,
        shares,
      ),
    );
    return decodeShare(assignment);
  } catch (error) {
    return refusal(member, error);
  }
}

function inRound<T>(member: GroupMember, request: Parameters<typeof askCoordinator<T>>[2]): Promise<T> {
  return askCoordinator(member.cluster, member.coordinated, (connection) => {
    if (member.hasEnded) throw member.stale();
    return request(connection);
  });
}

async function shareOut(member: GroupMember, { members }: Joined): Promise<Shares> {
  const { group, assign } = member.options;
  const ids = new Map(members.map((each) => [each.groupInstanceId ?? each.memberId, each.memberId]));
  try {
    const known = members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId: groupInstanceId ?? memberId,
      metadata: decodeSubscription(metadata).metadata,
    }));
    return Array.from(assign(known), ([memberId, share]) => {
      const id = ids.get(memberId);
      if (id === undefined) throw invalidAssignment(group, memberId);
      return { memberId: id, assignment: encodeShare(share) };
    });
  } catch (error) {
    // A leader that cannot assign makes room for one that can, or nobody would ever get a share.
    await member.leave();
    throw error;
  }
}

function refusal(member: GroupMember, error: unknown): Refusal {
  switch (errorName(error)) {
    case 'REBALANCE_IN_PROGRESS':
    case 'ILLEGAL_GENERATION':
      return 'again';
    case 'UNKNOWN_MEMBER_ID':
      return 'forgotten';
    case 'FENCED_INSTANCE_ID':
      return 'replaced';
    default:
      throw groupError(error, member.group, member.options.sessionTimeoutMs);
  }
}
