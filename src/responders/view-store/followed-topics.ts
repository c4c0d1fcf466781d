import type { TopicFollower } from '../topic-follower.ts';

/** The part of a view store's answers that its followers of topics give together. */
export class FollowedTopics {
  readonly #followers: TopicFollower<Buffer>[] = [];

  add(follower: TopicFollower<Buffer>): void {
    this.#followers.push(follower);
  }

  get watermark(): number {
    return Math.max(...this.#followers.map((follower) => follower.watermark));
  }

  get caughtUp(): Promise<void> {
    return Promise.all(this.#followers.map((follower) => follower.caughtUp)).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = this.#followers.flatMap((follower) => follower.notReady() ?? []);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()));
  }
}
