/** `count` of `items` by chance, in their order; the same for one seed. */
export function sampleOf<T>(items: readonly T[], count: number, seed: number): readonly T[] {
  const random = mulberry32(seed);
  const indices = items.map((_, index) => index);
  const chosen = Math.min(count, items.length);
  for (let at = 0; at < chosen; at++) {
    const other = at + Math.floor(random() * (indices.length - at));
    [indices[at], indices[other]] = [indices[other] as number, indices[at] as number];
  }
  return indices
    .slice(0, chosen)
    .sort((a, b) => a - b)
    .map((index) => items[index] as T);
}

/** How many of `total` each size has a share of: proportional, with the largest remainders rounded up. */
export function sharesOf(sizes: readonly number[], total: number): readonly number[] {
  const sum = sizes.reduce((before, size) => before + size, 0);
  if (sum <= total) return sizes;
  const exact = sizes.map((size) => (size * total) / sum);
  const shares = exact.map(Math.floor);
  const left = total - shares.reduce((before, share) => before + share, 0);
  const byRemainder = exact
    .map((share, index) => ({ index, rest: share % 1 }))
    .sort((a, b) => b.rest - a.rest);
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}

/** Tommy Ettinger's generator, of 32 bits of state. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
