import type { Feed } from '../graph/session.ts';
import type { DlrmConfig } from './config.ts';
import { countsFor, type Examples, type Head, headsOf } from './data.ts';

/** How revenue is scaled for the network, which learns (f(x) - mean) / scale: f is the logarithm where it is log-normal. */
export type RevenueScale = { readonly isLog: boolean; readonly mean: number; readonly scale: number };

/** What the network learns of examples, head by head. */
export class Targets {
  readonly heads: readonly Head[];
  readonly revenueScale: RevenueScale;
  readonly #examples: Examples;
  /** By head: what one example's weight is multiplied by, so that a step's weights sum to the head's weight on average. */
  readonly #factors: ReadonlyMap<Head, number>;

  constructor(train: Examples, config: DlrmConfig, batchRows: number) {
    this.heads = headsOf(train);
    this.revenueScale = scaleOf(train, config.revenueLoss === 'log-normal');
    this.#examples = train;
    const weightOf = { click: 1, conversion: config.conversionWeight, revenue: config.revenueWeight };
    const share = batchRows / train.user.length;
    this.#factors = new Map(
      this.heads.map((head) => [head, weightOf[head] / (totalWeight(head, train) * share)]),
    );
  }

  /** The feeds of some examples; those from `filled` on, which fill up a step, have weight 0. */
  feeds(examples: Int32Array, filled: number): Record<string, Feed> {
    const shape = [examples.length];
    return Object.fromEntries(
      this.heads.flatMap((head) => {
        const factor = this.#factors.get(head) as number;
        const target = Float32Array.from(examples, (example) => this.#targetOf(head, example));
        const weight = Float32Array.from(examples, (example, row) =>
          row < filled && countsFor(head, this.#examples, example)
            ? factor * (this.#examples.weight[example] as number)
            : 0,
        );
        return [
          [`${head} target`, { data: target, shape }],
          [`${head} weight`, { data: weight, shape }],
        ];
      }),
    );
  }

  #targetOf(head: Head, example: number): number {
    const { clicked, converted, revenue } = this.#examples;
    if (head === 'click') return clicked[example] as number;
    if (head === 'conversion') return converted?.[example] as number;
    // What does not count has no amount, and must not be infinite either: it is multiplied by a weight of 0.
    if (!countsFor(head, this.#examples, example)) return 0;
    const { isLog, mean, scale } = this.revenueScale;
    const amount = revenue?.[example] as number;
    return ((isLog ? Math.log(amount) : amount) - mean) / scale;
  }
}

function totalWeight(head: Head, train: Examples): number {
  let total = 0;
  train.weight.forEach((weight, example) => {
    if (countsFor(head, train, example)) total += weight;
  });
  return total;
}

function scaleOf(train: Examples, isLog: boolean): RevenueScale {
  const { revenue, weight } = train;
  if (revenue === undefined) return { isLog, mean: 0, scale: 1 };
  let [total, sum] = [0, 0];
  revenue.forEach((amount, example) => {
    if (!countsFor('revenue', train, example)) return;
    total += weight[example] as number;
    sum += (weight[example] as number) * (isLog ? Math.log(amount) : amount);
  });
  const mean = sum / total;
  return { isLog, mean, scale: isLog ? 1 : mean };
}
