import { availableParallelism } from 'node:os';
import { SequentialEncoder, sequential, train } from '#models';
import type { Known, Options, Scores } from './model.ts';

/** Users encoded in one run. */
const ENCODED_AT_ONCE = 200;
const SEED = 1;

/** Trains on the histories in their order, and scores each user by their vector after the last item. */
export async function fitSequential({ matrix, histories }: Known, options: Options): Promise<Scores> {
  const { items } = matrix;
  const offsets = new Int32Array(histories.length + 1);
  histories.forEach((history, user) => {
    offsets[user + 1] = (offsets[user] as number) + history.length;
  });
  const ids = new Int32Array(offsets.at(-1) as number);
  histories.forEach((history, user) => {
    ids.set(history, offsets[user]);
  });
  const training = await sequential.open({ items, histories: { offsets, ids } }, options, SEED, {
    threads: availableParallelism(),
  });
  try {
    await train(training, {
      onEpoch: ({ epoch, loss }) =>
        process.stderr.write(`sequential: epoch ${epoch}, loss ${loss.toFixed(4)}\n`),
    });
    const { dim, itemVectors, userTower } = await training.result();
    const vectors = await userVectors(userTower, histories);
    return (user) => {
      const vector = vectors.subarray(user * dim, (user + 1) * dim);
      return Float32Array.from({ length: items }, (_, item) => {
        let score = 0;
        for (let d = 0; d < dim; d++)
          score += (vector[d] as number) * (itemVectors[item * dim + d] as number);
        return score;
      });
    };
  } finally {
    await training.close();
  }
}

/** [users, D] */
async function userVectors(userTower: Uint8Array, histories: readonly Int32Array[]): Promise<Float32Array> {
  const encoder = await SequentialEncoder.load(userTower);
  const vectors = new Float32Array(histories.length * encoder.dim);
  for (let from = 0; from < histories.length; from += ENCODED_AT_ONCE) {
    const some = histories.slice(from, from + ENCODED_AT_ONCE);
    const encoded = await encoder.encode(some.map((history) => history.toReversed()));
    vectors.set(encoded, from * encoder.dim);
  }
  await encoder.close();
  return vectors;
}
