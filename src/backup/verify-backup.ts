import type { ObjectStore } from '#storage';
import { Chain, missingIn, type Point } from './chain.ts';
import { isDamage } from './damage.ts';
import { openSealing } from './description.ts';
import { type Manifest, objectsOf } from './manifest.ts';
import { Objects, sha256Of } from './objects.ts';

export type BackupPoint = Pick<Point, 'at' | 'number' | 'isBase'> & {
  /** What a restore of it would meet first; undefined where it is whole, or was not looked at. */
  readonly problem: string | undefined;
  readonly bytes: number;
};

/**
 * The points of a backup, oldest first. With `isThorough` every object is held against its checksum, so that each point says
 * whether it can be restored; without it only the manifests are. Errors: those of openSealing.
 */
export async function backupPoints(
  store: ObjectStore,
  {
    passphrase,
    isThorough,
    signal,
  }: { passphrase: string | undefined; isThorough: boolean; signal: AbortSignal },
): Promise<readonly BackupPoint[]> {
  const objects = new Objects(store, await openSealing(store, passphrase));
  const chain = new Chain(objects);
  const checking = new Checking(objects, isThorough);
  const found: BackupPoint[] = [];
  let previous: string | undefined;
  /** What is wrong with an earlier point of the generation: all later ones need it. */
  let earlier: string | undefined;
  let before: Point | undefined;
  for (const point of await chain.points()) {
    signal.throwIfAborted();
    if (point.isBase) earlier = undefined;
    const missing = before && missingIn([before, point]);
    if (missing !== undefined) {
      previous = undefined;
      // A base may be what is missing: what comes before its successors is of another generation.
      if (!point.isBase) earlier ??= missing.message;
    }
    before = point;
    let bytes = 0;
    let sha256: string | undefined;
    try {
      for await (const read of chain.read([point])) {
        const { manifest } = read;
        sha256 = read.sha256;
        bytes = objectsOf(manifest).reduce((sum, each) => sum + each.bytes, 0);
        if (previous !== undefined && manifest.previous !== previous)
          earlier ??= `Object ${point.object} of the backup does not follow the manifest before it.`;
        earlier ??= await checking.problemOf(manifest);
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      earlier ??= error.message;
      sha256 = sha256Of((await store.get(point.object)) ?? Buffer.alloc(0));
    }
    previous = sha256;
    found.push({ at: point.at, number: point.number, isBase: point.isBase, problem: earlier, bytes });
  }
  return found;
}

class Checking {
  readonly #objects: Objects;
  readonly #isThorough: boolean;
  /** Those that several manifests name are read once. */
  readonly #checked = new Map<string, string | undefined>();

  constructor(objects: Objects, isThorough: boolean) {
    this.#objects = objects;
    this.#isThorough = isThorough;
  }

  async problemOf(manifest: Manifest): Promise<string | undefined> {
    if (!this.#isThorough) return undefined;
    for (const ref of objectsOf(manifest)) {
      if (!this.#checked.has(ref.name)) {
        const stored = this.#objects.stored(ref).then(
          () => undefined,
          (error: unknown) => {
            if (isDamage(error)) return error.message;
            throw error;
          },
        );
        this.#checked.set(ref.name, await stored);
      }
      const problem = this.#checked.get(ref.name);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}
