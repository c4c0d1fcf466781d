import { Session, toInt64 } from '../graph/session.ts';
import { bagFeed, categoricalFeed, vectorFeed } from './batch.ts';
import { type Examples, historyOf, type TwoTowerData } from './data.ts';
import { UserEncoder } from './encoder.ts';

/** Rows embedded in one run: bounds the memory. */
const AT_ONCE = 1024;

/** Vectors of all items, [items, D]. */
export async function embedItems(
  itemTower: Uint8Array,
  { items, itemFeatures, itemTags, itemTitles, itemTexts }: TwoTowerData,
  { tagsLength, titleLength }: { readonly tagsLength: number; readonly titleLength: number },
): Promise<Float32Array> {
  const session = await Session.create(itemTower);
  try {
    const width = session.shapeOf('vector')[1] as number;
    const vectors = new Float32Array(items * width);
    for (let start = 0; start < items; start += AT_ONCE) {
      const ids = Int32Array.from({ length: Math.min(AT_ONCE, items - start) }, (_, i) => start + i);
      const outputs = await session.run({
        item: { data: toInt64(ids), shape: [ids.length] },
        features: categoricalFeed(itemFeatures, ids),
        tags: bagFeed(itemTags, ids, tagsLength),
        ...(itemTitles && { title: bagFeed(itemTitles, ids, titleLength) }),
        ...(itemTexts && { text: vectorFeed(itemTexts, ids) }),
      });
      vectors.set(outputs.vector as Float32Array, start * width);
    }
    return vectors;
  } finally {
    await session.close();
  }
}

/** Vectors of the users of some examples as of each of them, [rows.length, D]. */
export async function embedUsers(
  userTower: Uint8Array,
  { profile }: TwoTowerData,
  examples: Examples,
  rows: Int32Array,
): Promise<Float32Array> {
  const encoder = await UserEncoder.load(userTower);
  try {
    const vectors = new Float32Array(rows.length * encoder.dim);
    for (let start = 0; start < rows.length; start += AT_ONCE) {
      const some = rows.subarray(start, start + AT_ONCE);
      const users = some.map((row) => examples.user[row] as number);
      const encoded = await encoder.encode({
        users,
        histories: Array.from(some, (row) => historyOf(examples, row, encoder.historyLength)),
        profile: valuesOf(profile, users),
        ...(examples.context && { context: valuesOf(examples.context, some) }),
      });
      vectors.set(encoded, start * encoder.dim);
    }
    return vectors;
  } finally {
    await encoder.close();
  }
}

function valuesOf({ cardinalities, values }: TwoTowerData['profile'], rows: Int32Array): Int32Array {
  const columns = cardinalities.length;
  const chosen = new Int32Array(rows.length * columns);
  rows.forEach((row, i) => {
    chosen.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return chosen;
}
