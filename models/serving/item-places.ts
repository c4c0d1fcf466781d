/** Where items are looked for. */
type Vocabulary = { itemIndex(id: string): number | undefined };

/** The place of an item that the vocabulary does not have. */
export const NO_PLACE = -1;

/** Places are kept as they are found, 2 more than they are: 0 is what was not looked for yet. */
const SHIFT = 2;

/**
 * The places of items in a vocabulary, for a caller who asks for the same items again and again and has numbers for them: the
 * id of each is looked for once.
 */
class ItemPlaces {
  readonly #vocabulary: Vocabulary;
  #known = new Int32Array(0);

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /**
   * NO_PLACE for what the vocabulary does not have. Equal numbers must always be of equal ids; without numbers, and where they are
   * below 0, ids are looked for each time.
   */
  of(ids: readonly string[], numbers: Int32Array | undefined): Int32Array {
    const places = new Int32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const number = numbers?.[i];
      const known = number === undefined || number < 0 ? 0 : (this.#known[number] ?? 0);
      places[i] = known === 0 ? this.#find(ids[i] as string, number) : known - SHIFT;
    }
    return places;
  }

  #find(id: string, number: number | undefined): number {
    const place = this.#vocabulary.itemIndex(id) ?? NO_PLACE;
    if (number === undefined || number < 0) return place;
    if (number >= this.#known.length) {
      const known = new Int32Array(Math.max(1024, 2 * number));
      known.set(this.#known);
      this.#known = known;
    }
    this.#known[number] = place + SHIFT;
    return place;
  }
}

const tables = new WeakMap<Vocabulary, ItemPlaces>();

/** The places of items in a vocabulary: one table for each that is in use. */
export function placesIn(vocabulary: Vocabulary): ItemPlaces {
  const known = tables.get(vocabulary) ?? new ItemPlaces(vocabulary);
  tables.set(vocabulary, known);
  return known;
}
