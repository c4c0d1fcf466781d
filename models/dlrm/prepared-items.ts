import type { ListEncoder, SideRow } from './list-encoding.ts';
import { keyOf } from './lists.ts';
import { type DlrmScorer, type ItemSides, joined } from './scorer.ts';

type Prepared = { readonly key: string; readonly vectors: Float32Array; readonly first: Float32Array };

/**
 * The sides of items that a version has met, each computed when it is first met, and again when the catalogue says
 * something else of it: requests pay for what is theirs alone, and never read what an item was in training.
 */
export class PreparedItems {
  readonly #scorer: DlrmScorer;
  readonly #encoder: ListEncoder;
  readonly #sides = new Map<string, Prepared>();

  constructor(scorer: DlrmScorer, encoder: ListEncoder) {
    this.#scorer = scorer;
    this.#encoder = encoder;
  }

  /** In the order of the ids, whose rows are beside them. Errors: those of `DlrmScorer.itemSides`. */
  async sidesOf(ids: readonly string[], rows: readonly SideRow[]): Promise<ItemSides> {
    const keys = rows.map(keyOf);
    const found = ids.map((id, place) => {
      const known = this.#sides.get(id);
      return known?.key === keys[place] ? known : undefined;
    });
    const missing = [...found.keys()].filter((place) => found[place] === undefined);
    if (missing.length > 0) {
      const wanted = missing.map((place) => rows[place] as SideRow);
      const { vectors, first } = await this.#scorer.itemSides(this.#encoder.rowsOf('item', wanted));
      const [width, height] = [vectors.length / missing.length, first.length / missing.length];
      missing.forEach((place, i) => {
        const side = {
          key: keys[place] as string,
          vectors: vectors.slice(i * width, (i + 1) * width),
          first: first.slice(i * height, (i + 1) * height),
        };
        found[place] = side;
        this.#sides.set(ids[place] as string, side);
      });
    }
    const sides = found as Prepared[];
    return {
      count: ids.length,
      vectors: joined(sides.map(({ vectors }) => vectors)),
      first: joined(sides.map(({ first }) => first)),
    };
  }
}
