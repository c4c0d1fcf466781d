import type {
  Change,
  Database,
  DatabaseProvider,
  DatabaseReads,
  DatabaseSnapshot,
  KeyRange,
  WriteManner,
} from '../port.ts';

/** Entries by key, as latin1 text. A snapshot holds on to them: the next write then goes to a copy. */
type Contents = { entries: Map<string, Buffer>; snapshots: number };

class MemoryReads implements DatabaseReads {
  readonly #entries: () => ReadonlyMap<string, Buffer>;

  constructor(entries: () => ReadonlyMap<string, Buffer>) {
    this.#entries = entries;
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    return keys.map((key) => this.#entries().get(key.toString('latin1')) ?? null);
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly Change[]> {
    const entries = this.#entries();
    const keys = keysIn(entries, range).sort();
    yield keys.map((key) => ({ key: Buffer.from(key, 'latin1'), value: entries.get(key) ?? null }));
  }
}

/** A database in memory: for tests and the test driver. Its provider keeps the contents over close and open. */
class MemoryDatabase extends MemoryReads implements Database {
  readonly #contents: Contents;

  constructor(contents: Contents) {
    super(() => contents.entries);
    this.#contents = contents;
  }

  async write(changes: readonly Change[], { held = [] }: WriteManner = {}): Promise<void> {
    const entries = this.#writable();
    for (const { key, value } of held.flatMap((each) => each.seal()).concat(changes)) {
      if (value === null) entries.delete(key.toString('latin1'));
      else entries.set(key.toString('latin1'), Buffer.from(value));
    }
    for (const each of held) each.written();
  }

  snapshot(): DatabaseSnapshot {
    const { entries } = this.#contents;
    this.#contents.snapshots++;
    const reads = new MemoryReads(() => entries);
    return {
      getMany: (keys) => reads.getMany(keys),
      scan: (range) => reads.scan(range),
      close: async () => {
        if (this.#contents.entries === entries) this.#contents.snapshots--;
      },
    };
  }

  async deleteRange(range: KeyRange): Promise<void> {
    const entries = this.#writable();
    for (const key of keysIn(entries, range)) entries.delete(key);
  }

  async close(): Promise<void> {}

  #writable(): Map<string, Buffer> {
    if (this.#contents.snapshots > 0) {
      this.#contents.entries = new Map(this.#contents.entries);
      this.#contents.snapshots = 0;
    }
    return this.#contents.entries;
  }
}

function keysIn(entries: ReadonlyMap<string, Buffer>, range: KeyRange): string[] {
  const from = range.gte.toString('latin1');
  const to = range.lt.toString('latin1');
  return [...entries.keys()].filter((key) => key >= from && key < to);
}

/** Databases that live as long as the returned provider. */
export function memoryDatabases(): DatabaseProvider {
  const contents = new Map<string, Contents>();
  return {
    open: async (name) => {
      const known = contents.get(name) ?? { entries: new Map<string, Buffer>(), snapshots: 0 };
      contents.set(name, known);
      return new MemoryDatabase(known);
    },
    destroy: async (name) => void contents.delete(name),
  };
}
