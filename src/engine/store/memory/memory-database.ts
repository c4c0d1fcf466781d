import type { Change, Database, DatabaseProvider, KeyRange } from '../port.ts';

/** A database in memory: for tests and the test driver. Its provider keeps the contents over close and open. */
class MemoryDatabase implements Database {
  readonly #entries: Map<string, Buffer>;

  constructor(entries: Map<string, Buffer>) {
    this.#entries = entries;
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    return keys.map((key) => this.#entries.get(key.toString('latin1')) ?? null);
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === null) this.#entries.delete(key.toString('latin1'));
      else this.#entries.set(key.toString('latin1'), Buffer.from(value));
    }
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly Change[]> {
    const keys = this.#keysIn(range).sort();
    yield keys.map((key) => ({ key: Buffer.from(key, 'latin1'), value: this.#entries.get(key) ?? null }));
  }

  async deleteRange(range: KeyRange): Promise<void> {
    for (const key of this.#keysIn(range)) this.#entries.delete(key);
  }

  async close(): Promise<void> {}

  #keysIn(range: KeyRange): string[] {
    const from = range.gte.toString('latin1');
    const to = range.lt.toString('latin1');
    return [...this.#entries.keys()].filter((key) => key >= from && key < to);
  }
}

/** Databases that live as long as the returned provider. */
export function memoryDatabases(): DatabaseProvider {
  const contents = new Map<string, Map<string, Buffer>>();
  return {
    open: async (name) => {
      const entries = contents.get(name) ?? new Map<string, Buffer>();
      contents.set(name, entries);
      return new MemoryDatabase(entries);
    },
    destroy: async (name) => void contents.delete(name),
  };
}
