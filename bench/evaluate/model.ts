/** What the evaluations on data sets judge: models that have learned from a part of the interactions. */
import type { FittedRecommender, InteractionMatrix } from '#models';

export type Options = Readonly<Record<string, number>>;

/** What may be learned from: who had what, and for models that mind it in which order, oldest first: [users]. */
export type Known = { readonly matrix: InteractionMatrix; readonly histories: readonly Int32Array[] };

/** Of all items, for a user: [items]. */
export type Scores = (user: number) => Float32Array;

/** `Protocol` names the ways in which models are judged here. */
export type Model<K extends Known, Protocol extends string> = {
  readonly name: string;
  fit(known: K, options: Options): Scores | Promise<Scores>;
  /** What `--search` compares on the validation items. */
  readonly space: readonly Options[];
  /** The best of the space by NDCG@10 on the validation items, for each protocol. */
  readonly chosen: Readonly<Record<Protocol, Options>>;
};

/** A model that knows a user by the set of their items. */
export function ofMatrix(fit: (train: InteractionMatrix, options: Options) => FittedRecommender) {
  return ({ matrix }: Known, options: Options): Scores => {
    const fitted = fit(matrix, options);
    return (user) => fitted.scores(matrix.itemsOf(user));
  };
}
