import { invariant } from '#platform';

/**
 * Counts who uses a version, so that a request in flight ends with the version that it began with; the last of them lets
 * one that was retired go. Whoever makes it holds the first claim.
 */
export class Uses {
  readonly #end: () => Promise<void>;
  readonly #released = Promise.withResolvers<void>();
  #users = 1;

  /** `end` lets go of what the version holds, when nobody uses it any more. */
  constructor(end: () => Promise<void>) {
    this.#end = end;
  }

  /** To be followed by `release`, once. */
  acquire(): void {
    invariant(this.#users > 0, 'a released version is not used again');
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#users === 0) this.#end().then(this.#released.resolve, this.#released.reject);
  }

  /** Gives up the first claim; resolves when nobody uses the version any more and what it held has ended. */
  retire(): Promise<void> {
    this.release();
    return this.#released.promise;
  }
}
