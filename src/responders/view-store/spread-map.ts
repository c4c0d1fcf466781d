const MAPS = 64;
/** Ids that are numbered differ at their end. */
const HASHED_UNITS = 4;

/**
 * A Map by ids, of which there may be millions, spread over many: a Map that grows copies all of its entries in one go, and
 * requests would wait for that.
 */
export class SpreadMap<V> {
  readonly #maps = Array.from({ length: MAPS }, () => new Map<string, V>());

  get(id: string): V | undefined {
    return this.#of(id).get(id);
  }

  has(id: string): boolean {
    return this.#of(id).has(id);
  }

  set(id: string, value: V): void {
    this.#of(id).set(id, value);
  }

  delete(id: string): void {
    this.#of(id).delete(id);
  }

  clear(): void {
    for (const map of this.#maps) map.clear();
  }

  /** In no particular order. */
  *[Symbol.iterator](): Generator<readonly [id: string, value: V]> {
    for (const map of this.#maps) yield* map;
  }

  #of(id: string): Map<string, V> {
    let hash = 0;
    for (let i = Math.max(0, id.length - HASHED_UNITS); i < id.length; i++) {
      hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0;
    }
    return this.#maps[hash & (MAPS - 1)] as Map<string, V>;
  }
}
