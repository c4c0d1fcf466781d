import { RetryableError } from '#platform';
import type {
  Change,
  Database,
  DatabaseProvider,
  DatabaseSnapshot,
  HeldChanges,
  KeyRange,
  WriteManner,
} from './port.ts';

/** How many keys wait, bytes of values, and writes: what a restart after a crash has to replay, and what memory holds. */
export type Limits = { readonly keys: number; readonly bytes: number; readonly writes: number };

/** One that writes what it is given, at once. */
export type PromptDatabase = Omit<Database, 'write'> & { write(changes: readonly Change[]): Promise<void> };

const LIMITS: Limits = { keys: 32_768, bytes: 8 * 1024 * 1024, writes: 50 };

/**
 * A database that writes late: changes gather in memory and go to the one below in one batch every this many writes,
 * the last change of a key alone. Reads see them at once. After a crash the database below is as some earlier write
 * left it, whole, so its owner finds an older mark in it and replays from there. Measured on the engine's benchmark
 * (users drawn by Zipf's law, a write every 100 ms): an eighth of the database's puts, which cost 2.4 us each.
 */
class WriteBehind implements Database {
  readonly #database: PromptDatabase;
  readonly #limits: Limits;
  /** The last change of each key, by its bytes as latin1 text, which tells any two keys apart. */
  #waiting = new Map<string, Change>();
  /** Beside those that wait. */
  #held: HeldChanges[] = [];
  #heldKeys = 0;
  /** Bytes of the values that wait or are held, those of replaced ones included. */
  #valueBytes = 0;
  /** Batches on their way to the database below, the oldest first. */
  readonly #sealed: ReadonlyMap<string, Change>[] = [];
  #writes = 0;
  /** The last write in bulk: what it writes is not among what waits, so that reads wait for it. */
  #bulk: Promise<void> = Promise.resolve();
  /** All that has been asked of the database below, in its order. */
  #done: Promise<void> = Promise.resolve();

  constructor(database: PromptDatabase, limits: Limits) {
    this.#database = database;
    this.#limits = limits;
  }

  async write(changes: readonly Change[], { held = [], inBulk = false }: WriteManner = {}): Promise<void> {
    if (inBulk) return this.#writeInBulk(changes);
    for (const each of held) {
      this.#heldKeys += each.hold();
      this.#valueBytes += each.byteLength;
      this.#held.push(each);
    }
    for (const { key, value } of changes) {
      this.#waiting.set(key.toString('latin1'), {
        key: Buffer.from(key),
        value: value && Buffer.from(value),
      });
      this.#valueBytes += value?.length ?? 0;
    }
    this.#writes++;
    const { keys, bytes, writes } = this.#limits;
    const waitingKeys = this.#waiting.size + this.#heldKeys;
    if (waitingKeys < keys && this.#valueBytes < bytes && this.#writes < writes) return;
    const before = this.#done;
    this.#seal();
    // Behind by one batch at most: a database that can't keep up holds its owner up.
    await before;
  }

  /** Goes to the database below as it is. Behind by one batch at most, as any write. */
  async #writeInBulk(changes: readonly Change[]): Promise<void> {
    this.#seal();
    const before = this.#done;
    this.#bulk = before.then(() => this.#database.write(changes));
    this.#follow(this.#bulk);
    await before;
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    await this.#bulk;
    const found: (Buffer | null)[] = [];
    const below: Buffer[] = [];
    const belowAt: number[] = [];
    for (const [i, key] of keys.entries()) {
      const value = this.#late(key);
      found.push(value ?? null);
      if (value !== undefined) continue;
      below.push(key);
      belowAt.push(i);
    }
    const values = await this.#database.getMany(below);
    for (const [i, at] of belowAt.entries()) found[at] = values[i] ?? null;
    return found;
  }

  /** What a key has become that the database below may not know yet. */
  #late(key: Buffer): Buffer | null | undefined {
    const name = key.toString('latin1');
    return [...this.#sealed, this.#waiting].findLast((changes) => changes.has(name))?.get(name)?.value;
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly Change[]> {
    this.#seal();
    await this.#done;
    yield* this.#database.scan(range);
  }

  snapshot(): DatabaseSnapshot {
    this.#seal();
    const below = this.#done.then(() => this.#database.snapshot());
    // What is written from now on goes to the database behind the snapshot.
    this.#follow(below.then(() => {}));
    return {
      getMany: async (keys) => (await below).getMany(keys),
      scan: async function* (range) {
        yield* (await below).scan(range);
      },
      close: async () => (await below).close(),
    };
  }

  async deleteRange(range: KeyRange): Promise<void> {
    this.#seal();
    this.#follow(this.#done.then(() => this.#database.deleteRange(range)));
    await this.#done;
  }

  async close(): Promise<void> {
    this.#seal();
    try {
      // What a full disk did not take is gone as after a crash: who opens it next replays it.
      await this.#done.catch((error: unknown) => {
        if (!(error instanceof RetryableError)) throw error;
      });
    } finally {
      await this.#database.close();
    }
  }

  /** Sends what waits on its way. */
  #seal(): void {
    if (this.#waiting.size === 0 && this.#held.length === 0) return;
    const batch = this.#waiting;
    const held = this.#held;
    // At once: later commits move the keys on to their own changes.
    const changes = held.flatMap((each) => each.seal());
    this.#sealed.push(batch);
    this.#waiting = new Map();
    this.#held = [];
    this.#heldKeys = 0;
    this.#valueBytes = 0;
    this.#writes = 0;
    const written = this.#done.then(() => this.#database.write(changes.concat(...batch.values())));
    this.#follow(
      written.then(() => {
        this.#sealed.shift();
        for (const each of held) each.written();
      }),
    );
  }

  /** A failure is told to everyone who waits from now on. */
  #follow(done: Promise<void>): void {
    this.#done = done;
    done.catch(() => {});
  }
}

/** Databases of `provider` that are written late. */
export function writeBehind(
  provider: Omit<DatabaseProvider, 'open'> & { open(name: string): Promise<PromptDatabase> },
  limits: Limits = LIMITS,
): DatabaseProvider {
  return {
    open: async (name) => new WriteBehind(await provider.open(name), limits),
    destroy: (name) => provider.destroy(name),
  };
}
