import { NeuMfScorer, neuMf, train } from '#models';
import type { Known, Options, Scores } from './model.ts';

const SEED = 1;

/** Trains on the pairs of the matrix, and scores all items for each user. */
export async function fitNeuMf({ matrix }: Known, options: Options): Promise<Scores> {
  const { users, items } = matrix;
  const rows = Array.from({ length: users }, (_, user) => matrix.itemsOf(user));
  const pairs = {
    user: Int32Array.from(rows.flatMap((own, user) => Array.from(own, () => user))),
    item: Int32Array.from(rows.flatMap((own) => [...own])),
  };
  const training = await neuMf.open({ users, items, train: pairs }, options, SEED);
  try {
    await train(training, {
      onEpoch: ({ epoch, loss }) => process.stderr.write(`neumf: epoch ${epoch}, loss ${loss.toFixed(4)}\n`),
    });
    const scorer = await NeuMfScorer.load(await training.result());
    const all = Int32Array.from({ length: items }, (_, item) => item);
    const scores: Float32Array[] = [];
    for (let user = 0; user < users; user++) scores.push(await scorer.score(user, all));
    await scorer.close();
    return (user) => scores[user] as Float32Array;
  } finally {
    await training.close();
  }
}
