import { hash } from './random.ts';

const BITS_PER_PAIR = 16;

/**
 * Which agent has had which item: a Bloom filter (Bloom 1970) with three probes, so that memory does not grow with
 * the agents. One pair in 200 is taken for had although it was not; such an agent is merely less keen. When it
 * holds as many pairs as it was made for it forgets them all: agents do forget.
 */
export class Consumed {
  readonly #bits: Uint32Array;
  readonly #capacity: number;
  #pairs = 0;

  /** `capacity`: pairs to be remembered; two bytes for each. */
  constructor(capacity: number) {
    this.#capacity = Math.max(1024, capacity);
    this.#bits = new Uint32Array(Math.ceil((this.#capacity * BITS_PER_PAIR) / 32));
  }

  has(agent: number, entry: number): boolean {
    for (let probe = 0; probe < 3; probe++) {
      const bit = this.#bit(agent, entry, probe);
      if (((this.#bits[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  add(agent: number, entry: number): void {
    if (this.#pairs++ >= this.#capacity) {
      this.#bits.fill(0);
      this.#pairs = 1;
    }
    for (let probe = 0; probe < 3; probe++) {
      const bit = this.#bit(agent, entry, probe);
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  #bit(agent: number, entry: number, probe: number): number {
    return hash(probe, agent, entry) % (this.#bits.length * 32);
  }
}
