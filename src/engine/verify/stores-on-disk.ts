import { errorCode } from '#platform';
import { prefixRange, storePrefix } from '../store/database-keys.ts';
import type { Change, Database, DatabaseProvider, DatabaseReads, DatabaseSnapshot } from '../store/port.ts';
import { MARKS_KEY, type Marks } from '../task/restore/open-store.ts';
import type { StoreDefinition } from '../topology/topology.ts';
import type { TaskPlace } from './journal-reader.ts';
import { isSamePosition, type TaskSnapshot } from './snapshot.ts';

/** A store as it lies on this machine, beside a copy of it that was recreated. */
export type StoreOnDisk = {
  readonly name: string;
  /** 'unknown': the copy was never where the store stands. */
  readonly result: 'equal' | 'different' | 'unknown';
  /** Rows that one side lacks or has otherwise; 0 where the digest kept for them is wrong. Absent: see `error`. */
  readonly rows?: number;
  /** The first of them. */
  readonly firstKey?: string;
  /** Where the log has that row's newest record: the first commit from which the store is wrong wrote it, or a later one. */
  readonly record?: { readonly topic: string; readonly partition: number; readonly offset: number };
  /** Why the store can't be read. */
  readonly error?: string;
};

/** A copy of a task that is being recreated. */
export type TaskCopy = {
  snapshot(): TaskSnapshot;
  /** What its last commit has left. To be closed. */
  rows(): DatabaseSnapshot;
};

/**
 * The stores that a task has left on this machine, to be held against a copy of it, row by row. They stand where their
 * last commit has left them, which after a crash is not the last one of all: so the copy is shown after each of its
 * commits, and a store is compared once the copy stands where it does. Offsets alone do not say that, since timers fire
 * between two commits at the same ones; the digest that was kept for the store does.
 */
export class StoresOnDisk {
  readonly #database: Database | undefined;
  readonly #results: Map<string, StoreOnDisk>;
  /** Stores that have not met their like. */
  readonly #waiting = new Set<readonly [StoreDefinition, Marks['stores'][string]]>();

  private constructor(database: Database | undefined, results: readonly StoreOnDisk[]) {
    this.#database = database;
    this.#results = new Map(results.map((result) => [result.name, result]));
  }

  /** Undefined where the task has left nothing here. Errors: MR_STORE_LOCKED while the task runs. */
  static async open(
    { name, subTopology: { stores } }: TaskPlace,
    databases: DatabaseProvider,
  ): Promise<StoresOnDisk | undefined> {
    let database: Database | undefined;
    try {
      database = await databases.open(name);
      const [bytes] = await database.getMany([MARKS_KEY]);
      if (bytes) return StoresOnDisk.#of(stores, database, JSON.parse(bytes.toString()) as Marks);
    } catch (error) {
      await database?.close();
      return new StoresOnDisk(
        undefined,
        stores.map((store) => damaged(store, error)),
      );
    }
    await database.close();
    return undefined;
  }

  static #of(stores: readonly StoreDefinition[], database: Database, marks: Marks): StoresOnDisk {
    const onDisk = new StoresOnDisk(
      database,
      stores.map(({ name }) => ({ name, result: 'unknown' })),
    );
    for (const store of stores) {
      const mark = marks.stores[store.name];
      if (mark !== undefined) onDisk.#waiting.add([store, mark]);
    }
    return onDisk;
  }

  /** Compares what stands where the copy does: all inputs read up to `offsets`, and no timer more or less fired. */
  async compare(offsets: TaskSnapshot['offsets'], copy: TaskCopy): Promise<void> {
    for (const waiting of this.#waiting) {
      const [store, { position, digest, fingerprint }] = waiting;
      if (position === undefined || !isSamePosition(position, offsets)) continue;
      const { name } = store;
      const other = copy.snapshot().stores.find((each) => each.name === name);
      // Under another schema: nothing can be said.
      if (other?.fingerprint !== fingerprint) continue;
      if (other.digest === digest) {
        this.#waiting.delete(waiting);
        this.#results.set(name, await this.#compareRows(store, copy));
      } else {
        // Until a later commit at these offsets has the digest.
        this.#results.set(name, { name, result: 'different', rows: 0 });
      }
    }
  }

  async #compareRows(store: StoreDefinition, copy: TaskCopy): Promise<StoreOnDisk> {
    const rows = copy.rows();
    try {
      return await compareRows(store, this.#database as Database, rows);
    } catch (error) {
      return damaged(store, error);
    } finally {
      await rows.close();
    }
  }

  /** What has come of it, store by store. */
  results(): readonly StoreOnDisk[] {
    return [...this.#results.values()];
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }
}

/**
 * A walk over both in the order of keys. `isUnknown`: of these the copy says nothing. Each row is also looked for by its
 * key, as processing does: filters and indexes that lead there may be what is damaged.
 */
export async function compareRows(
  { name, spec }: StoreDefinition,
  disk: DatabaseReads,
  copy: DatabaseReads,
  isUnknown: (key: string) => boolean = () => false,
): Promise<StoreOnDisk> {
  const prefix = storePrefix(name);
  const [left, right] = [disk, copy].map((reads) => rowsOf(reads, prefix)) as [Rows, Rows];
  let [mine, other] = [await left.next(), await right.next()];
  let rows = 0;
  let first: Buffer | undefined;
  while (mine.value || other.value) {
    const order = compareKeys(mine.value, other.value);
    const { key } = (order <= 0 ? mine : other).value as Change;
    const isSame = order === 0 && isSameValue(mine.value?.value, other.value?.value, spec.value.framing);
    if (!isSame && !isUnknown(key.toString('utf8', prefix.length))) {
      first ??= key;
      rows++;
    }
    if (order <= 0) mine = await left.next();
    if (order >= 0) other = await right.next();
  }
  if (first === undefined) return { name, result: 'equal' };
  return { name, result: 'different', rows, firstKey: first.toString('utf8', prefix.length) };
}

type Rows = AsyncGenerator<Change, undefined>;

/** By a scan, and none that a look by its key does not find as well. */
async function* rowsOf(reads: DatabaseReads, prefix: Buffer): Rows {
  for await (const chunk of reads.scan(prefixRange(prefix))) {
    const values = await reads.getMany(chunk.map(({ key }) => key));
    for (const [i, { key }] of chunk.entries()) {
      const value = values[i];
      if (value) yield { key, value };
    }
  }
}

/** What has come to its end comes last. */
function compareKeys(a: Change | undefined, b: Change | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return Buffer.compare(a.key, b.key);
}

/** Apart from the framing: a registry's ids are not part of a value. */
function isSameValue(a: Buffer | null | undefined, b: Buffer | null | undefined, framing: number): boolean {
  return a != null && b != null && a.subarray(framing).equals(b.subarray(framing));
}

export function damaged({ name }: Pick<StoreDefinition, 'name'>, error: unknown): StoreOnDisk {
  if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
  return { name, result: 'different', error: (error as Error).message };
}
