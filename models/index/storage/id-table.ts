const SHARDS = 1024;
const EMPTY = -1;
const LEAST_SLOTS = 8;

/** Bits of an id spread over all 32, by the finaliser of MurmurHash3. */
function hash(id: number): number {
  let bits = id;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/**
 * From ids, 0 to 2^31 - 1, to the numbers of their rows: many small hash tables with linear probing, each of which grows by
 * itself, so that no single change copies much, however many ids there are.
 */
export class IdTable {
  /** Pairs of id and row; half of the slots at least are empty. */
  readonly #shards: Int32Array[];
  readonly #counts: Int32Array;

  constructor(sent?: SentIdTable) {
    this.#shards = sent ? [...sent.shards] : Array.from({ length: SHARDS }, () => new Int32Array(0));
    this.#counts = sent?.counts ?? new Int32Array(SHARDS);
  }

  /** The row, or -1. */
  get(id: number): number {
    const bits = hash(id);
    const shard = this.#shards[bits & (SHARDS - 1)] as Int32Array;
    if (shard.length === 0) return EMPTY;
    const at = slotOf(shard, id, bits);
    return shard[at] === id ? (shard[at + 1] as number) : EMPTY;
  }

  set(id: number, row: number): void {
    const bits = hash(id);
    const number = bits & (SHARDS - 1);
    const shard = this.#shards[number] as Int32Array;
    if (shard.length > 0) {
      const at = slotOf(shard, id, bits);
      if (shard[at] === id) {
        shard[at + 1] = row;
        return;
      }
    }
    const count = (this.#counts[number] as number) + 1;
    this.#counts[number] = count;
    insert(count * 4 > shard.length ? this.#grow(number) : shard, id, row, bits);
  }

  delete(id: number): void {
    const bits = hash(id);
    const number = bits & (SHARDS - 1);
    const shard = this.#shards[number] as Int32Array;
    if (shard.length === 0) return;
    let hole = slotOf(shard, id, bits);
    if (shard[hole] !== id) return;
    this.#counts[number] = (this.#counts[number] as number) - 1;
    // Later entries of the run move up, unless that would put one before its first slot.
    const mask = shard.length - 1;
    for (let at = (hole + 2) & mask; shard[at] !== EMPTY; at = (at + 2) & mask) {
      const home = firstSlot(shard, hash(shard[at] as number));
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      shard.copyWithin(hole, at, at + 2);
      hole = at;
    }
    shard[hole] = EMPTY;
  }

  /** For another thread, which gets these very arrays: this table is not to be used any more. */
  send(): SentIdTable {
    return { shards: this.#shards, counts: this.#counts };
  }

  #grow(number: number): Int32Array {
    const old = this.#shards[number] as Int32Array;
    const larger = new Int32Array(Math.max(2 * LEAST_SLOTS, old.length * 2)).fill(EMPTY);
    for (let at = 0; at < old.length; at += 2) {
      const id = old[at] as number;
      if (id !== EMPTY) insert(larger, id, old[at + 1] as number, hash(id));
    }
    this.#shards[number] = larger;
    return larger;
  }
}

export type SentIdTable = { readonly shards: readonly Int32Array[]; readonly counts: Int32Array };

/** Bits that did not choose the shard. */
const firstSlot = (shard: Int32Array, bits: number): number => ((bits >>> 10) * 2) & (shard.length - 1);

/** The slot that has the id, or the empty one where it would be. */
function slotOf(shard: Int32Array, id: number, bits: number): number {
  let at = firstSlot(shard, bits);
  while (shard[at] !== id && shard[at] !== EMPTY) at = (at + 2) & (shard.length - 1);
  return at;
}

function insert(shard: Int32Array, id: number, row: number, bits: number): void {
  const at = slotOf(shard, id, bits);
  shard[at] = id;
  shard[at + 1] = row;
}
