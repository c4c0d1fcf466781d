/** Small made-up data for both models: users who go around a circle of items, each by steps of their own. */
import { type SequentialData, sequenceExamples, type TwoTowerData } from '#models';

const [users, items, length] = [400, 300, 24];

const sequences: ReadonlyMap<number, Int32Array> = new Map(
  Array.from({ length: users }, (_, user) => [
    user + 1,
    Int32Array.from({ length }, (_, i) => (7 * user + (1 + (user % 5)) * i) % items),
  ]),
);

export function forSequential(): SequentialData {
  const ids = Int32Array.from([...sequences.values()].flatMap((items) => [...items]));
  const offsets = Int32Array.from({ length: users + 1 }, (_, user) => user * length);
  return { items, histories: { offsets, ids } };
}

export function forTwoTower(): TwoTowerData {
  return {
    users: users + 1,
    items,
    profile: { cardinalities: [3], values: Int32Array.from({ length: users + 1 }, (_, user) => user % 3) },
    itemFeatures: { cardinalities: [5], values: Int32Array.from({ length: items }, (_, item) => item % 5) },
    itemTags: { cardinality: 0, offsets: new Int32Array(items + 1), ids: new Int32Array() },
    train: sequenceExamples(sequences, 20),
  };
}
