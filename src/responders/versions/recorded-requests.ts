import type { VersionQuery } from './served-version.ts';

/** What a version needs to answer a request again: whom it finds items for, and the candidates to be ranked. */
export type RecordedRequest = VersionQuery & {
  /** Candidates of the answer, best first; none where the request may not be ranked. */
  readonly items: readonly string[];
};

/** Enough to warm the code and caches of a version and to compare its scores, few enough to replay in a second. */
const KEPT = 64;
/** Once there are as many, one of so many takes the place of the oldest. With all of them, what each answer was made of would outlive a young collection. */
const EVERY = 16;

/** Some of the newest requests, in memory alone: versions are warmed up and compared by them before they answer. */
export class RecordedRequests {
  readonly #ring: { readonly userId: string; readonly requestOf: () => RecordedRequest }[] = [];
  #next = 0;
  #offered = 0;

  /** `requestOf` is called when it is replayed: most are overwritten before. */
  add(userId: string, requestOf: () => RecordedRequest): void {
    if (this.#ring.length === KEPT && this.#offered++ % EVERY !== 0) return;
    this.#ring[this.#next] = { userId, requestOf };
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Removes the requests of a user who has opted out or is being erased. */
  forget(userId: string): void {
    const left = this.#ring.filter((each) => each.userId !== userId);
    this.#ring.splice(0, this.#ring.length, ...left);
    this.#next = left.length % KEPT;
  }

  /** In no order. */
  all(): readonly RecordedRequest[] {
    return this.#ring.map(({ requestOf }) => requestOf());
  }
}
