/** Entries of one generation: two of them are some 30 MB. */
const GENERATION_ENTRIES = 100_000;

/**
 * The users met last, with their pseudonyms: a cache of two generations, of which the older one goes when the newer one is
 * full. What is used moves to the newer one, so that it stays.
 */
export class KnownUsers {
  #newer = new Map<string, string>();
  #older = new Map<string, string>();

  get(userId: string): string | undefined {
    const newer = this.#newer.get(userId);
    if (newer !== undefined) return newer;
    const older = this.#older.get(userId);
    if (older !== undefined) this.set(userId, older);
    return older;
  }

  set(userId: string, pseudonym: string): void {
    if (this.#newer.size >= GENERATION_ENTRIES) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(userId, pseudonym);
  }

  clear(): void {
    this.#newer.clear();
    this.#older.clear();
  }
}
