import { CachedStore } from '../store/cached-store.ts';
import type { DatabaseProvider } from '../store/port.ts';
import { MARKS_KEY, type Marks } from '../task/restore/open-store.ts';
import type { TaskPlace } from './journal-reader.ts';
import type { TaskSnapshot } from './snapshot.ts';

export type LocalStores = {
  /** By the digests that the task has kept; its offsets are those of its last commit. */
  readonly snapshot: TaskSnapshot;
  /** Stores whose rows do not add up to the digest kept for them. */
  readonly damaged: readonly string[];
};

/**
 * Counts a task's local stores over: the digest that every store should have is kept up from change to change, so a row
 * that was altered behind the engine's back, and is never read, shows only here. Undefined where the task has no local
 * stores. Errors: MR_STORE_LOCKED while the task runs, MR_STORE_CORRUPT.
 */
export async function checkLocalStores(
  { name, subTopology }: TaskPlace,
  databases: DatabaseProvider,
): Promise<LocalStores | undefined> {
  const database = await databases.open(name);
  try {
    const [bytes] = await database.getMany([MARKS_KEY]);
    if (!bytes) return undefined;
    const marks = JSON.parse(bytes.toString()) as Marks;
    const stores: TaskSnapshot['stores'][number][] = [];
    const damaged: string[] = [];
    let offsets: TaskSnapshot['offsets'] = {};
    for (const { name: storeName, spec } of subTopology.stores) {
      const mark = marks.stores[storeName];
      if (mark === undefined) continue;
      offsets = mark.position ?? offsets;
      const { digest, fingerprint } = mark;
      stores.push({ name: storeName, digest, fingerprint });
      const store = new CachedStore(storeName, database, spec.value, 0);
      // Under another schema the digest is recreated when the task is opened next.
      if (store.values.fingerprint !== fingerprint) continue;
      await store.recomputeDigest();
      if (store.digest.toString() !== digest) damaged.push(storeName);
    }
    return { snapshot: { task: name, offsets, stores }, damaged };
  } finally {
    await database.close();
  }
}
