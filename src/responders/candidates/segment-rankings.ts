import type { SegmentPopularity } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { Found } from './port.ts';

/** What users of a country or of a cohort take to, as topic `segment-popularity` has it, or the one that stands in for it. */
export class SegmentRankings {
  #lists: Map<string, readonly Found[]>;
  #follower: TopicFollower<SegmentPopularity>;

  private constructor(lists: Map<string, readonly Found[]>, follower: TopicFollower<SegmentPopularity>) {
    this.#lists = lists;
    this.#follower = follower;
  }

  static async open(
    environment: FollowerEnvironment,
    topics: Pick<Topics, 'segment-popularity'>,
  ): Promise<SegmentRankings> {
    const lists = new Map<string, readonly Found[]>();
    const follower = await TopicFollower.open(environment, topics['segment-popularity'], ({ key, value }) =>
      note(lists, key, value),
    );
    return new SegmentRankings(lists, follower);
  }

  /** Best first; none for a segment of which nothing is known, and for none. */
  of(segment: string | undefined): readonly Found[] {
    return (segment !== undefined && this.#lists.get(segment)) || [];
  }

  get caughtUp(): Promise<void> {
    return this.#follower.caughtUp;
  }

  notReady(): string | undefined {
    return this.#follower.notReady();
  }

  /** Swaps lists with `other`, which is then to be closed. */
  exchange(other: SegmentRankings): void {
    [this.#lists, other.#lists] = [other.#lists, this.#lists];
    [this.#follower, other.#follower] = [other.#follower, this.#follower];
  }

  async close(): Promise<void> {
    await this.#follower.close();
  }
}

function note(
  lists: Map<string, readonly Found[]>,
  segment: string,
  popularity: SegmentPopularity | null,
): void {
  if (popularity === null) lists.delete(segment);
  else
    lists.set(
      segment,
      popularity.items.map(({ item_id, score }) => ({ item: itemNumber(item_id), score })),
    );
}
