/** A source of reproducible pseudo-random numbers; everything random in this room takes one as an argument. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform over 0 .. bound - 1. */
  integer(bound: number): number;
  /** Standard normal. */
  normal(): number;
  /** Fisher-Yates, in place. */
  shuffle(values: Int32Array): void;
  /** The state: four integers. A source that restores it goes on with the same numbers. */
  save(): readonly [number, number, number, number];
  restore(state: readonly number[]): void;
}

/** xoshiro128** (Blackman and Vigna 2018), seeded by splitmix32 so that seeds 0, 1, 2... give unrelated streams. */
export function seededRandom(seed: number): Random {
  const state = new Uint32Array(4);
  let counter = seed | 0;
  for (let i = 0; i < 4; i++) {
    counter = (counter + 0x9e3779b9) | 0;
    let z = counter;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    state[i] = z ^ (z >>> 15);
  }
  let [a, b, c, d] = state as unknown as [number, number, number, number];

  const next = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = () => next() / 2 ** 32;
  const integer = (bound: number) => Math.floor(uniform() * bound);
  return {
    uniform,
    integer,
    // Box-Muller; 1 - uniform() is never 0.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const kept = values[i] as number;
        values[i] = values[j] as number;
        values[j] = kept;
      }
    },
    save: () => [a, b, c, d],
    restore(saved) {
      [a, b, c, d] = saved as [number, number, number, number];
    },
  };
}
