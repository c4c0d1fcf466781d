/** How a score comes about: what each thing that a model reads contributes to it. */

/** One thing that the model reads. */
export type ScorePart = {
  /** `view.feature`, or what models read beside features: `user`, `history`, `item` and the like. */
  readonly name: string;
  /** Null for a missing value, and where the value is no number and no text. */
  readonly value: number | string | null;
  readonly contribution: number;
};

export type ScoreParts = {
  /**
   * `tree-shap`: exact Shapley values, where what is not known follows the training rows. `sampled-shapley`: Shapley values
   * over a fixed sample of orders, where what is not known is missing (a feature) or unknown (a user, an item).
   */
  readonly method: 'tree-shap' | 'sampled-shapley';
  /** What the parts add up to: the score as answered, or as it was before it became a chance. */
  readonly scale: 'score' | 'before calibration';
  /** The score, on that scale, of one of whom and which nothing is known. */
  readonly base: number;
  /** On that scale: `base` and all contributions together. */
  readonly total: number;
  /** As the model answers. */
  readonly score: number;
  /** In the order in which the model reads them. */
  readonly parts: readonly ScorePart[];
};
