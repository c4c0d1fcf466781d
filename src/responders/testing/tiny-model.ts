import { saveItemVectors, trainTwoTower, type VersionContents, Vocabulary } from '#models';
import type { ContextFeatures, Item } from '#schemas';

export const itemIds = Array.from({ length: 60 }, (_, i) => `item-${String(i).padStart(2, '0')}`);
/** Users that versions are trained on. */
export const userIds = Array.from({ length: 12 }, (_, i) => `user-${i}`);

const TOWER = 'user-tower.onnx';

export function item(itemId: string, changes: Partial<Item> = {}): Item {
  return {
    item_id: itemId,
    type: 'video',
    title: `Title of ${itemId}`,
    category: `category-${Number(itemId.slice(-1)) % 3}`,
    tags: [],
    duration_ms: null,
    difficulty: null,
    language: null,
    available: true,
    age_limit: 0,
    created: 0,
    countries: [],
    ...changes,
  };
}

/**
 * A two-tower of one epoch over invented clicks; the weights differ by seed, and that is all that matters. Where there are
 * contexts, the clicks happened in them by turns; else it knows none.
 */
export async function tinyModel(dimension: number, seed: number, contexts: readonly ContextFeatures[] = []) {
  const users = userIds.map((id) => ({ id, profile: null }));
  const items = itemIds.map((id) => ({ id, metadata: item(id) }));
  const vocabulary = Vocabulary.build({ users, items, contexts });
  const { features, tags } = vocabulary.itemTables({ items });
  const count = users.length * 5;
  const moments = Array.from({ length: count }, (_, i) => contexts[i % contexts.length] ?? null);
  const trained = await trainTwoTower(
    {
      users: vocabulary.userCount,
      items: vocabulary.itemCount,
      profile: vocabulary.profileTable({ users }),
      itemFeatures: features,
      itemTags: tags,
      train: {
        user: Int32Array.from({ length: count }, (_, i) => 1 + (i % users.length)),
        item: Int32Array.from({ length: count }, (_, i) => (i * 7) % items.length),
        weight: new Float32Array(count).fill(1),
        historyOffsets: Int32Array.from({ length: count + 1 }, (_, i) => i),
        history: Int32Array.from({ length: count }, (_, i) => (i * 11) % items.length),
        ...(contexts.length > 0 && { context: vocabulary.contextTable(moments) }),
      },
    },
    { dim: dimension, hidden: 8, historyLength: 10, epochs: 1, batchSize: 32, candidates: 32, seed },
  );
  const contents = {
    [TOWER]: trained.userTower,
    'items.index': saveItemVectors(trained.itemVectors, dimension),
    'vocabulary.json': vocabulary.toBytes(),
  };
  return { contents, vocabulary };
}

/** The same version with a tower in a form that only onnxruntime runs, in a thread: it says the same. */
export function inThread({ [TOWER]: tower, ...others }: VersionContents): VersionContents {
  // A second, empty graph, which whoever reads the file merges into the first.
  return { ...others, [TOWER]: Buffer.concat([tower as Uint8Array, Buffer.from([0x3a, 0])]) };
}
