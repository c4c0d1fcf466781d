import { sequenceExamples, type TwoTowerData, trainTwoTower, twoTowerDefaults, UserEncoder } from '#models';
import type { Known, Options, Scores } from './model.ts';

/** What is known of users and items beside who had what; row 0 of the profiles is the unknown user's. */
export type Descriptions = Pick<TwoTowerData, 'profile' | 'itemFeatures' | 'itemTags' | 'itemTitles'>;

/** Users encoded in one run. */
const ENCODED_AT_ONCE = 500;

/** Descriptions that say nothing: the model learns from ids and histories alone. */
export function undescribed(users: number, items: number): Descriptions {
  return {
    profile: { cardinalities: [1], values: new Int32Array(users + 1) },
    itemFeatures: { cardinalities: [1], values: new Int32Array(items) },
    itemTags: { cardinality: 0, offsets: new Int32Array(items + 1), ids: new Int32Array() },
  };
}

/** Trains on the histories, and scores each user by their vector as it is after the last item. */
export async function fitTwoTower(
  { matrix, histories }: Known,
  described: Descriptions,
  options: Options,
): Promise<Scores> {
  const { users, items } = matrix;
  const { historyLength } = { ...twoTowerDefaults, ...options };
  const sequences = new Map(histories.map((history, user) => [user + 1, history]));
  const data = {
    ...described,
    users: users + 1,
    items,
    train: sequenceExamples(sequences, historyLength),
  };
  const trained = await trainTwoTower(data, options, {
    onEpoch: ({ epoch, loss }) =>
      process.stderr.write(`two-tower: epoch ${epoch}, loss ${loss.toFixed(4)}\n`),
  });
  const { dim, itemVectors } = trained;
  const vectors = await userVectors(trained.userTower, histories, described);
  return (user) => {
    const vector = vectors.subarray(user * dim, (user + 1) * dim);
    return Float32Array.from({ length: items }, (_, item) => {
      let score = 0;
      for (let d = 0; d < dim; d++) score += (vector[d] as number) * (itemVectors[item * dim + d] as number);
      return score;
    });
  };
}

/** [users, D] */
async function userVectors(
  userTower: Uint8Array,
  histories: readonly Int32Array[],
  { profile }: Descriptions,
): Promise<Float32Array> {
  const encoder = await UserEncoder.load(userTower);
  const columns = encoder.profileFeatures;
  const vectors = new Float32Array(histories.length * encoder.dim);
  for (let from = 0; from < histories.length; from += ENCODED_AT_ONCE) {
    const some = histories.slice(from, from + ENCODED_AT_ONCE);
    const encoded = await encoder.encode({
      users: Int32Array.from(some, (_, i) => from + i + 1),
      histories: some.map((history) => history.toReversed()),
      profile: profile.values.slice((from + 1) * columns, (from + 1 + some.length) * columns),
    });
    vectors.set(encoded, from * encoder.dim);
  }
  await encoder.close();
  return vectors;
}
