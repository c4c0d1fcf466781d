import { hashId } from './id-hash.ts';

const SHARDS = 1024;
const EMPTY = -1;
const LEAST_SLOTS = 8;
const NO_SLOTS = new Int32Array(0);
/** Where the shards begin in a table that is sent. */
const SLOTS_AT = 2 * SHARDS + 1;

/**
 * From ids, 0 to 2^31 - 1, to the numbers of their rows: many small hash tables with linear probing, each of which grows by
 * itself, so that no single change copies much, however many ids there are.
 */
export class IdTable {
  /** Pairs of id and row; half of the slots at least are empty. Undefined where they are still in `#sent`. */
  readonly #shards: (Int32Array | undefined)[];
  readonly #counts: Int32Array;
  readonly #sent: SentIdTable | undefined;

  constructor(sent?: SentIdTable) {
    this.#sent = sent;
    this.#counts = sent?.subarray(0, SHARDS) ?? new Int32Array(SHARDS);
    this.#shards = new Array<Int32Array | undefined>(SHARDS).fill(sent === undefined ? NO_SLOTS : undefined);
  }

  /** The row, or -1. */
  get(id: number): number {
    const bits = hashId(id);
    const shard = this.#shard(bits & (SHARDS - 1));
    if (shard.length === 0) return EMPTY;
    const at = slotOf(shard, id, bits);
    return shard[at] === id ? (shard[at + 1] as number) : EMPTY;
  }

  set(id: number, row: number): void {
    const bits = hashId(id);
    const number = bits & (SHARDS - 1);
    const shard = this.#shard(number);
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
    const bits = hashId(id);
    const number = bits & (SHARDS - 1);
    const shard = this.#shard(number);
    if (shard.length === 0) return;
    let hole = slotOf(shard, id, bits);
    if (shard[hole] !== id) return;
    this.#counts[number] = (this.#counts[number] as number) - 1;
    // Later entries of the run move up, unless that would put one before its first slot.
    const mask = shard.length - 1;
    for (let at = (hole + 2) & mask; shard[at] !== EMPTY; at = (at + 2) & mask) {
      const home = firstSlot(shard, hashId(shard[at] as number));
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      shard.copyWithin(hole, at, at + 2);
      hole = at;
    }
    shard[hole] = EMPTY;
  }

  /** A copy for another thread, in one piece of shared memory: a buffer for each shard would take milliseconds to receive. */
  send(): SentIdTable {
    const shards = Array.from({ length: SHARDS }, (_, number) => this.#shard(number));
    const slots = shards.reduce((sum, { length }) => sum + length, 0);
    const sent = new Int32Array(new SharedArrayBuffer((SLOTS_AT + slots) * 4));
    sent.set(this.#counts);
    let at = SLOTS_AT;
    for (const [number, shard] of shards.entries()) {
      sent[SHARDS + number] = at;
      sent.set(shard, at);
      at += shard.length;
    }
    sent[2 * SHARDS] = at;
    return sent;
  }

  #shard(number: number): Int32Array {
    return this.#shards[number] ?? this.#take(number);
  }

  /** A shard of a table that was sent gets its array when it is first read: a thousand at once would take a millisecond. */
  #take(number: number): Int32Array {
    const taken =
      this.#sent?.subarray(this.#sent[SHARDS + number], this.#sent[SHARDS + number + 1]) ?? NO_SLOTS;
    this.#shards[number] = taken;
    return taken;
  }

  #grow(number: number): Int32Array {
    const old = this.#shard(number);
    const larger = new Int32Array(Math.max(2 * LEAST_SLOTS, old.length * 2)).fill(EMPTY);
    for (let at = 0; at < old.length; at += 2) {
      const id = old[at] as number;
      if (id !== EMPTY) insert(larger, id, old[at + 1] as number, hashId(id));
    }
    this.#shards[number] = larger;
    return larger;
  }
}

/** The count of each shard, then where each begins, and where the last one ends, then the shards. */
export type SentIdTable = Int32Array;

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
