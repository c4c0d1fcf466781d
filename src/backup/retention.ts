import { failpoint } from '#platform';
import { type Chain, MANIFESTS } from './chain.ts';
import { objectsOf } from './manifest.ts';
import type { Objects } from './objects.ts';

/** Where objects lie that manifests name. */
const FOLDERS = ['log/', 'files/'];

/**
 * Removes the generations that no point from `keptFrom` on needs, and objects that no manifest names: of those
 * generations, or left by a process that was cut off. The oldest manifest goes first, so that what remains after a crash
 * begins with a base all the same.
 */
export async function removeOldGenerations({
  objects,
  chain,
  keptFrom,
}: {
  readonly objects: Objects;
  readonly chain: Chain;
  readonly keptFrom: number;
}): Promise<void> {
  const points = await chain.points();
  const first = points.findLastIndex(({ isBase, at }) => isBase && at <= keptFrom);
  const needed = points.slice(Math.max(0, first));
  for (const { name: object } of await objects.store.list(MANIFESTS)) {
    if (object >= (needed[0]?.object ?? '')) break;
    await objects.store.remove(object);
    failpoint('backup.manifest.removed');
  }
  const kept = new Set<string>();
  for await (const { manifest } of chain.read(needed)) {
    for (const { name } of objectsOf(manifest)) kept.add(name);
  }
  for (const folder of FOLDERS) {
    for (const { name } of await objects.store.list(folder)) {
      if (kept.has(name)) continue;
      await objects.store.remove(name);
      failpoint('backup.object.removed');
    }
  }
}
