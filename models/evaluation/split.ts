/** Interactions as columns; ids are dense, timestamps in ms. */
export type Interactions = {
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly timestamp: Float64Array;
};

/** Positions in the columns that were split, both in order of (timestamp, item, position). */
export type Split = { readonly train: Int32Array; readonly heldOut: Int32Array };

/**
 * Holds out each user's newest interactions: the last `share` of them, rounded to the nearest whole number, but at
 * least one where the user has two or more, and never all of them. A user of a single interaction stays in train.
 * Equal times are ordered by item, so that the split does not depend on the order of the input.
 */
export function perUserLastShare(interactions: Interactions, share = 0.2): Split {
  const heldOutOf = (count: number) =>
    count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * share)));
  const { user } = interactions;
  const total = new Map<number, number>();
  for (const id of user) total.set(id, (total.get(id) ?? 0) + 1);

  const met = new Map<number, number>();
  const isHeldOut = (i: number): boolean => {
    const id = user[i] as number;
    const count = total.get(id) as number;
    const place = met.get(id) ?? 0;
    met.set(id, place + 1);
    return place >= count - heldOutOf(count);
  };
  const train: number[] = [];
  const heldOut: number[] = [];
  for (const i of byTime(interactions)) (isHeldOut(i) ? heldOut : train).push(i);
  return { train: Int32Array.from(train), heldOut: Int32Array.from(heldOut) };
}

function byTime({ user, item, timestamp }: Interactions): Int32Array {
  return Int32Array.from(user, (_, i) => i).sort(
    (a, b) =>
      (timestamp[a] as number) - (timestamp[b] as number) ||
      (item[a] as number) - (item[b] as number) ||
      a - b,
  );
}
