import type { Caller } from '#platform';

/** A token of more characters is verified each time: the memory of the cache is bounded by this and its entries. */
const LONGEST_TOKEN = 4_096;

/**
 * The callers of tokens that were verified, by the whole token: a signature costs some 170 us, which is 14% of a core at 800
 * requests a second. An entry ends with its token; the owner clears all of them when keys change. The least recently used goes
 * where there are too many.
 */
export class VerifiedTokens {
  readonly #most: number;
  readonly #entries = new Map<string, { readonly caller: Caller; readonly untilMs: number }>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined where the token is not there, or no longer valid at `nowMs`. */
  get(token: string, nowMs: number): Caller | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    this.#entries.delete(token);
    if (nowMs >= entry.untilMs) return undefined;
    this.#entries.set(token, entry);
    return entry.caller;
  }

  /** `untilMs`: when the token ceases to be valid. */
  put(token: string, caller: Caller, untilMs: number): void {
    if (token.length > LONGEST_TOKEN) return;
    this.#entries.delete(token);
    if (this.#entries.size >= this.#most) {
      const [oldest = ''] = this.#entries.keys();
      this.#entries.delete(oldest);
    }
    this.#entries.set(token, { caller, untilMs });
  }

  removeExpired(nowMs: number): void {
    for (const [token, { untilMs }] of this.#entries) if (nowMs >= untilMs) this.#entries.delete(token);
  }

  clear(): void {
    this.#entries.clear();
  }
}
