import { DistinctIds } from '../optimise/distinct-ids.ts';
import type { Random } from '../random.ts';

/**
 * Draws the items that the examples of a batch are compared with: the batch's own items, each once ("in-batch
 * negatives"), filled up with uniform ones to a fixed number (mixed negative sampling, Yang et al. 2020). Popular
 * items are in more batches than rare ones, which the logQ correction (Yi et al. 2019) takes out of the loss.
 * When the number reaches that of all items, the loss is the full softmax.
 */
export class CandidateSampler {
  readonly count: number;
  /**
   * Natural logarithm of the probability that an item is among the candidates of a batch, by item. Since a candidate
   * is listed once, however often the batch has it, this takes the place of Yi's frequency q.
   */
  readonly logQ: Float32Array;
  readonly #items: number;
  readonly #chosen: DistinctIds;
  readonly #random: Random;

  /** `examples` are the items of all training examples; batches of `batchSize` are drawn from them. */
  constructor(examples: Int32Array, items: number, batchSize: number, count: number, random: Random) {
    this.count = Math.min(items, Math.max(count, batchSize));
    this.logQ = logInclusion(examples, items, batchSize, this.count);
    this.#items = items;
    this.#chosen = new DistinctIds(items);
    this.#random = random;
  }

  /** Writes to `targets` where each of the batch's items is among the candidates, and returns those: [count]. */
  draw(batch: Int32Array, targets: Int32Array): Int32Array {
    const chosen = this.#chosen;
    chosen.clear();
    for (let row = 0; row < batch.length; row++) targets[row] = chosen.add(batch[row] as number);
    if (this.count === this.#items) {
      for (let item = 0; item < this.#items; item++) chosen.add(item);
    }
    while (chosen.size < this.count) chosen.add(this.#random.integer(this.#items));
    return chosen.ids;
  }
}

function logInclusion(examples: Int32Array, items: number, batchSize: number, count: number): Float32Array {
  const inBatch = new Float64Array(items);
  for (const item of examples) inBatch[item] = (inBatch[item] as number) + 1;
  let expected = 0;
  for (let item = 0; item < items; item++) {
    const frequency = (inBatch[item] as number) / examples.length;
    const probability = 1 - (1 - frequency) ** batchSize;
    inBatch[item] = probability;
    expected += probability;
  }
  // An item outside of the batch is drawn with the same chance as any other.
  const filled = count === items ? 1 : (count - expected) / (items - expected);
  return Float32Array.from(inBatch, (probability) => Math.log(probability + (1 - probability) * filled));
}
