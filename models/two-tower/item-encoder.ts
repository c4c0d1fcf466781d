import { Session, toInt64 } from '../graph/session.ts';
import type { ItemEncoding, ItemInput } from '../serving/port.ts';

/** Rows embedded in one run: bounds the memory. */
const AT_ONCE = 1024;

/**
 * The item side of a trained two-tower model, for items of which only their metadata need be known. It has to be of a
 * model that reads titles by their n-grams: one with a text encoder asks for `text`, which is not given here
 * (MR_MODEL_INPUT).
 */
export class ItemEncoder implements ItemEncoding {
  readonly dim: number;
  readonly #session: Session;
  /** Columns of each input, where the tower has it: bags are cut to this many. */
  readonly #widths: { readonly features: number; readonly tags: number; readonly title: number };

  private constructor(session: Session) {
    this.#session = session;
    const width = (name: string) => session.shapeOf(name)[1] as number;
    this.dim = width('vector');
    const title = session.inputs.includes('title') ? width('title') : 0;
    this.#widths = { features: width('features'), tags: width('tags'), title };
  }

  /** From the bytes of the item tower's ONNX file; MR_MODEL_UNREADABLE when it is damaged or something else. */
  static async load(tower: Uint8Array): Promise<ItemEncoder> {
    const session = await Session.create(tower);
    try {
      return new ItemEncoder(session);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Vectors of length 1, [items, dim]. */
  async encode(items: readonly ItemInput[]): Promise<Float32Array> {
    const vectors = new Float32Array(items.length * this.dim);
    for (let from = 0; from < items.length; from += AT_ONCE) {
      const some = items.slice(from, from + AT_ONCE);
      const ids = toInt64(Int32Array.from(some, ({ item }) => item ?? -1));
      const bags = (rows: readonly (readonly number[])[], width: number) => {
        return { data: toInt64(rectangle(rows, width)), shape: [some.length, width] };
      };
      const { features, tags, title } = this.#widths;
      const rows = some.map(({ features: values }) => values);
      const outputs = await this.#session.run({
        item: { data: ids, shape: [some.length] },
        features: bags(rows, features),
        tags: bags(
          some.map((item) => item.tags),
          tags,
        ),
        ...(title > 0 && {
          title: bags(
            some.map((item) => item.titleGrams),
            title,
          ),
        }),
      });
      vectors.set(outputs.vector as Float32Array, from * this.dim);
    }
    return vectors;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

/** [rows, width]: cut, or filled up with -1. */
function rectangle(rows: readonly (readonly number[])[], width: number): Int32Array {
  const matrix = new Int32Array(rows.length * width).fill(-1);
  rows.forEach((row, i) => {
    matrix.set(row.slice(0, width), i * width);
  });
  return matrix;
}
