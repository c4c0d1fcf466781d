import { staleGeneration } from '../errors.ts';
import {
  coordinate,
  emptyGroup,
  type GroupReply,
  type GroupRequest,
  type GroupState,
  mayCommit,
} from '../group-coordination.ts';
import type { GroupMetadata, OffsetCommit, TopicPartition } from '../port.ts';

const nameOf = (at: TopicPartition) => `${at.topic}/${at.partition}`;

/** The groups of a simulated log, and the offsets that they have committed. */
export class Groups {
  readonly #states = new Map<string, GroupState>();
  readonly #offsets = new Map<string, Map<string, OffsetCommit>>();

  #state(group: string): GroupState {
    const state = this.#states.get(group) ?? emptyGroup();
    this.#states.set(group, state);
    return state;
  }

  coordinate(request: GroupRequest): GroupReply {
    return coordinate(this.#state(request.group), request);
  }

  revision(group: string): number {
    return this.#state(group).revision;
  }

  /** FatalError MR_LOG_GENERATION. */
  checkGeneration({ group, memberId, generation }: GroupMetadata): void {
    if (!mayCommit(this.#state(group), memberId, generation))
      throw staleGeneration(group, memberId, generation);
  }

  commit(group: string, commit: OffsetCommit): void {
    const offsets = this.#offsets.get(group) ?? new Map<string, OffsetCommit>();
    this.#offsets.set(group, offsets);
    offsets.set(nameOf(commit), { ...commit });
  }

  committed(group: string, at: TopicPartition): OffsetCommit | undefined {
    return this.#offsets.get(group)?.get(nameOf(at));
  }

  get names(): readonly string[] {
    return [...this.#offsets.keys()];
  }

  /** The function that it gives brings back the offsets as they are now. */
  checkpoint(): () => void {
    const copy = (offsets: ReadonlyMap<string, Map<string, OffsetCommit>>) =>
      Array.from(offsets, ([group, byPlace]) => [group, new Map(byPlace)] as const);
    const kept = new Map(copy(this.#offsets));
    return () => {
      this.#offsets.clear();
      for (const [group, byPlace] of copy(kept)) this.#offsets.set(group, byPlace);
    };
  }

  forgetTopic(name: string): void {
    for (const offsets of this.#offsets.values()) {
      for (const [key, { topic }] of offsets) if (topic === name) offsets.delete(key);
    }
  }
}
