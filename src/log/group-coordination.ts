/**
 * Consumer groups in Kafka's manner, as a pure state machine that both adapters keep where they keep their records.
 *
 * A round ('joining') is a barrier: it ends when every member has joined or is out. Then the leader is handed all
 * members ('assigning'), its assignment gives everyone the new generation ('stable'). A member without a sign of
 * life for its session timeout is out; one who heartbeats but does not rejoin is out at the round's deadline.
 *
 * A static member that comes back takes its old share at once and gets a generation of its own, which fences
 * whoever still runs under its id, without disturbing the others (the effect of KIP-345).
 */

type Member = {
  readonly id: string;
  metadata: string;
  sessionTimeoutMs: number;
  /** When it last gave a sign of life, ms of the caller's wall clock. */
  seenAt: number;
  /** Counts its joins: an answer meant for an earlier one must not reach a later one's instance. */
  incarnation: number;
  joined: boolean;
  generation: number;
  assignment: string;
};

/** Plain JSON. Metadata and assignments are base64. */
export type GroupState = {
  /** Changes with every change but signs of life: what a waiting member watches. */
  revision: number;
  generation: number;
  phase: 'stable' | 'joining' | 'assigning';
  leader: string | null;
  /** When the joining round ends at the latest. */
  deadline: number;
  /** Member ids given out so far. */
  issued: number;
  members: Member[];
};

export type GroupRequest = { readonly group: string; readonly now: number } & (
  | {
      readonly kind: 'join';
      readonly memberId: string | null;
      readonly metadata: string;
      readonly sessionTimeoutMs: number;
    }
  | {
      readonly kind: 'rejoin';
      readonly memberId: string;
      readonly generation: number;
      readonly metadata: string;
    }
  | { readonly kind: 'sync'; readonly memberId: string; readonly incarnation: number }
  | {
      readonly kind: 'assign';
      readonly memberId: string;
      readonly incarnation: number;
      readonly generation: number;
      readonly shares: readonly (readonly [memberId: string, assignment: string])[];
    }
  | { readonly kind: 'heartbeat'; readonly memberId: string; readonly generation: number }
  /** `generation` null: whatever its generation. */
  | { readonly kind: 'leave'; readonly memberId: string; readonly generation: number | null }
);

type Standing = { readonly memberId: string; readonly incarnation: number };

export type GroupReply =
  /** Ask again (sync) when the group has changed, at the latest after `recheckMs`. */
  | (Standing & { readonly kind: 'wait'; readonly revision: number; readonly recheckMs: number })
  | (Standing & {
      readonly kind: 'lead';
      readonly generation: number;
      readonly members: readonly (readonly [memberId: string, metadata: string])[];
    })
  | (Standing & { readonly kind: 'assigned'; readonly generation: number; readonly assignment: string })
  | { readonly kind: 'alive'; readonly status: 'stable' | 'rebalance' }
  /** `isReplaced`: by a later instance under its id, and not for having been silent. */
  | { readonly kind: 'expelled'; readonly isReplaced?: boolean };

export const emptyGroup = (): GroupState => ({
  revision: 0,
  generation: 0,
  phase: 'stable',
  leader: null,
  deadline: 0,
  issued: 0,
  members: [],
});

const expelled: GroupReply = { kind: 'expelled' };
const replaced: GroupReply = { kind: 'expelled', isReplaced: true };

/** Applies one request; changes `state` in place. */
export function coordinate(state: GroupState, request: GroupRequest): GroupReply {
  const { now } = request;
  const reply = apply(state, request);
  sweep(state, now);
  completeRound(state, now);
  if (reply !== undefined) return reply;
  const member = find(state, request.memberId ?? lastIssued(request.group, state));
  return member === undefined ? expelled : standing(state, member, now);
}

/** The change itself; undefined where the reply is the member's standing after it. */
function apply(state: GroupState, request: GroupRequest): GroupReply | undefined {
  const { now } = request;
  if (request.kind === 'join') {
    join(state, request);
    return undefined;
  }
  const member = find(state, request.memberId);
  if (member === undefined || lapsed(member, now)) return expelled;
  switch (request.kind) {
    case 'rejoin':
      if (member.generation !== request.generation) return expelled;
      member.metadata = request.metadata;
      member.seenAt = now;
      member.incarnation++;
      if (state.phase !== 'joining') beginRound(state, now);
      member.joined = true;
      return undefined;
    case 'sync':
      if (member.incarnation !== request.incarnation) return replaced;
      member.seenAt = now;
      // Whoever waits for the outcome of a round is there for the next one too.
      if (state.phase === 'joining') member.joined = true;
      return undefined;
    case 'assign':
      if (member.incarnation !== request.incarnation) return replaced;
      member.seenAt = now;
      if (state.phase === 'joining') member.joined = true;
      else if (state.leader === member.id && state.generation === request.generation) {
        assign(state, new Map(request.shares));
      }
      return undefined;
    case 'heartbeat':
      if (member.generation !== request.generation) return expelled;
      member.seenAt = now;
      return { kind: 'alive', status: state.phase === 'stable' ? 'stable' : 'rebalance' };
    case 'leave':
      if (request.generation !== null && member.generation !== request.generation) return expelled;
      remove(state, (m) => m.id === member.id, now);
      return expelled;
  }
}

/** The heartbeat's answer where the group as read stays as it is: no need to write; undefined otherwise. */
export function readHeartbeat(
  state: GroupState,
  memberId: string,
  generation: number,
  now: number,
): 'stable' | undefined {
  const member = find(state, memberId);
  if (member === undefined || member.generation !== generation || state.phase !== 'stable') return undefined;
  if (now - member.seenAt > member.sessionTimeoutMs / 5) return undefined;
  return state.members.some((m) => lapsed(m, now)) ? undefined : 'stable';
}

/** Whether offsets may be committed: under the member's current generation, or by nobody for a group without members. */
export function mayCommit(state: GroupState, memberId: string, generation: number): boolean {
  if (memberId === '' && generation < 0) return state.members.length === 0;
  return find(state, memberId)?.generation === generation;
}

const find = (state: GroupState, id: string) => state.members.find((m) => m.id === id);

const lastIssued = (group: string, state: GroupState) => `${group}-${state.issued}`;

const lapsed = (member: Member, now: number) => now - member.seenAt > member.sessionTimeoutMs;

function join(state: GroupState, request: GroupRequest & { kind: 'join' }): void {
  const { now, metadata, sessionTimeoutMs } = request;
  sweep(state, now);
  if (request.memberId === null) {
    do state.issued++;
    while (find(state, lastIssued(request.group, state)) !== undefined);
  }
  const id = request.memberId ?? lastIssued(request.group, state);
  const old = find(state, id);
  const incarnation = (old?.incarnation ?? 0) + 1;
  if (old !== undefined) {
    Object.assign(old, { metadata, sessionTimeoutMs, incarnation, seenAt: now });
    if (state.phase === 'stable') {
      old.generation = ++state.generation;
      state.revision++;
      return;
    }
    if (state.phase === 'assigning') beginRound(state, now);
    old.joined = true;
    return;
  }
  const fresh = { id, metadata, sessionTimeoutMs, incarnation, seenAt: now, generation: -1, assignment: '' };
  state.members.push({ ...fresh, joined: false });
  if (state.phase !== 'joining') beginRound(state, now);
  (state.members.at(-1) as Member).joined = true;
}

function beginRound(state: GroupState, now: number): void {
  state.phase = 'joining';
  state.revision++;
  state.deadline = now + Math.max(0, ...state.members.map((m) => m.sessionTimeoutMs));
  for (const member of state.members) member.joined = false;
}

function remove(state: GroupState, out: (member: Member) => boolean, now: number): void {
  const rest = state.members.filter((m) => !out(m));
  if (rest.length === state.members.length) return;
  state.members = rest;
  state.revision++;
  if (rest.length === 0) Object.assign(state, { phase: 'stable', leader: null });
  else if (state.phase !== 'joining') beginRound(state, now);
}

function sweep(state: GroupState, now: number): void {
  remove(state, (m) => lapsed(m, now), now);
  if (state.phase === 'joining' && now >= state.deadline) remove(state, (m) => !m.joined, now);
}

function completeRound(state: GroupState, now: number): void {
  if (state.phase !== 'joining' || !state.members.every((m) => m.joined)) return;
  state.phase = 'assigning';
  state.generation++;
  state.revision++;
  state.deadline = now;
  if (state.leader === null || find(state, state.leader) === undefined) {
    state.leader = (state.members[0] as Member).id;
  }
}

function assign(state: GroupState, shares: ReadonlyMap<string, string>): void {
  for (const member of state.members) {
    member.assignment = shares.get(member.id) ?? '';
    member.generation = state.generation;
    member.joined = false;
  }
  state.phase = 'stable';
  state.revision++;
}

function standing(state: GroupState, member: Member, now: number): GroupReply {
  const me = { memberId: member.id, incarnation: member.incarnation };
  if (state.phase === 'stable') {
    return { kind: 'assigned', ...me, generation: member.generation, assignment: member.assignment };
  }
  if (state.phase === 'assigning' && state.leader === member.id) {
    const members = state.members.map((m) => [m.id, m.metadata] as const);
    return { kind: 'lead', ...me, generation: state.generation, members };
  }
  const lapses = state.members.map((m) => m.seenAt + m.sessionTimeoutMs + 1);
  if (state.phase === 'joining') lapses.push(state.deadline);
  const recheckMs = Math.max(1, Math.min(member.sessionTimeoutMs / 4, Math.min(...lapses) - now));
  return { kind: 'wait', ...me, revision: state.revision, recheckMs };
}
