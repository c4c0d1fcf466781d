type Version = { readonly value: string | null; readonly timestamp: number };

/**
 * The rows of a versioned table: of each row the versions of the last `historyMs` before its newest one, and the one that
 * counted then. A removed row is forgotten when the watermark is `historyMs` past its removal.
 */
export class VersionedRows {
  readonly #historyMs: number;
  readonly #rows = new Map<string, Version[]>();

  constructor(historyMs: number) {
    this.#historyMs = historyMs;
  }

  put(key: string, value: string | null, timestamp: number): void {
    const others = (this.#rows.get(key) ?? []).filter((each) => each.timestamp !== timestamp);
    const newestMs = this.newestMs(key);
    if (newestMs !== undefined && timestamp < newestMs - this.#historyMs) return;
    const versions = [...others, { value, timestamp }].sort((a, b) => a.timestamp - b.timestamp);
    const horizonMs = (versions.at(-1) as Version).timestamp - this.#historyMs;
    const countedThen = versions.findLastIndex((each) => each.timestamp <= horizonMs);
    this.#rows.set(key, versions.slice(Math.max(0, countedThen)));
  }

  /** Null before the history begins, also where a version of that time is still there. */
  asOf(key: string, timestamp: number): string | null {
    if (timestamp < (this.newestMs(key) ?? timestamp) - this.#historyMs) return null;
    return this.#rows.get(key)?.findLast((each) => each.timestamp <= timestamp)?.value ?? null;
  }

  newestMs(key: string): number | undefined {
    return this.#rows.get(key)?.at(-1)?.timestamp;
  }

  advance(watermark: number): void {
    for (const [key, versions] of this.#rows) {
      const { value, timestamp } = versions.at(-1) as Version;
      if (value === null && watermark >= timestamp + this.#historyMs) this.#rows.delete(key);
    }
  }
}

/** Whether a change of a versioned table counts in joins with tables: not where it is older than its row's newest one. */
export class InOrder {
  readonly #rows: VersionedRows;

  constructor(historyMs: number) {
    this.#rows = new VersionedRows(historyMs);
  }

  takes(key: string, value: string | null, timestamp: number): boolean {
    const newestMs = this.#rows.newestMs(key);
    if (newestMs !== undefined && timestamp < newestMs) return false;
    this.#rows.put(key, value, timestamp);
    return true;
  }

  advance(watermark: number): void {
    this.#rows.advance(watermark);
  }
}
