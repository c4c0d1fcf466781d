import type { GroupMetadata, Membership } from '../../port.ts';
import type { GroupMember } from './group-member.ts';

/** What tells two members of one port id apart, also in copies of a membership: the id that the coordinator gave it. */
export type KafkaGroupMetadata = GroupMetadata & { readonly kafkaMemberId?: string };

/** A generation of a member. */
export class KafkaMembership implements Membership {
  readonly group: string;
  readonly memberId: string;
  readonly kafkaMemberId: string;
  readonly generation: number;
  readonly assignment: Buffer;
  readonly #member: GroupMember;

  constructor(member: GroupMember, assignment: Buffer) {
    this.group = member.group;
    this.memberId = member.memberId;
    this.kafkaMemberId = member.id;
    this.generation = member.generation;
    this.assignment = assignment;
    this.#member = member;
  }

  /**
   * The coordinator's word: for a minute it is asked again, then MR_LOG_UNAVAILABLE, and never a guess. A coordinator that
   * comes back gives every member that it knew a new session, so that going on to ask keeps the place; until then nothing
   * can be committed either, so that a member who does not know loses nothing by going on.
   */
  heartbeat(): Promise<'stable' | 'rebalance' | 'expelled'> {
    return this.#member.heartbeat(this.generation);
  }

  async rejoin(metadata: Buffer): Promise<Membership> {
    const share = await this.#member.rejoin(this.generation, metadata);
    return new KafkaMembership(this.#member, share);
  }

  leave(): Promise<void> {
    return this.#member.leave();
  }
}
