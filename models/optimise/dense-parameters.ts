import type { Checkpoint, CheckpointArray } from '../checkpoint.ts';
import type { Feed, Outputs } from '../graph/session.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import type { Random } from '../random.ts';
import { Adam, type AdamOptions } from './adam.ts';
import { restoreWeights, saveWeights } from './optimiser.ts';

/** How a parameter starts: with one value, or normal with mean 0 and that deviation. */
export type Start = { readonly value: number } | { readonly deviation: number };
export type DenseShape = { readonly name: string; readonly shape: readonly number[]; readonly start: Start };

type DenseParameter = {
  readonly shape: readonly number[];
  readonly weights: Float32Array;
  readonly optimiser: Adam;
};

/** The parameters that each step reads and changes as a whole, by Adam. What is not a matrix is not decayed. */
export class DenseParameters {
  readonly #parameters = new Map<string, DenseParameter>();

  constructor(shapes: readonly DenseShape[], { weightDecay = 0, ...options }: AdamOptions, random: Random) {
    for (const { name, shape, start } of shapes) {
      const length = shape.reduce((product, size) => product * size, 1);
      const weights = Float32Array.from({ length }, () =>
        'value' in start ? start.value : start.deviation * random.normal(),
      );
      const decay = shape.length > 1 ? weightDecay : 0;
      const optimiser = new Adam(length, { ...options, weightDecay: decay });
      this.#parameters.set(name, { shape, weights, optimiser });
    }
  }

  get names(): readonly string[] {
    return [...this.#parameters.keys()];
  }

  /** The array itself. */
  weightsOf(name: string): Float32Array {
    return this.#of(name).weights;
  }

  /** As inputs of a graph, to be fed by `feeds`. */
  inputs(graph: Graph): ReadonlyMap<string, Tensor> {
    return new Map(Array.from(this.#parameters, ([name, { shape }]) => [name, graph.input(name, shape)]));
  }

  /** Adds the named parameters to a graph as constants. */
  constants(graph: Graph, names: readonly string[]): ReadonlyMap<string, Tensor> {
    return new Map(
      names.map((name) => [name, graph.constant(this.#of(name).weights.slice(), this.#of(name).shape)]),
    );
  }

  feeds(): Record<string, Feed> {
    return Object.fromEntries(
      Array.from(this.#parameters, ([name, { weights, shape }]) => [name, { data: weights, shape }]),
    );
  }

  /** By the outputs `d X` of a graph; `scale` multiplies the learning rate. */
  update(outputs: Outputs, scale: number): void {
    for (const [name, { weights, optimiser }] of this.#parameters) {
      optimiser.update(weights, outputs[`d ${name}`] as Float32Array, scale);
    }
  }

  save(into: Map<string, CheckpointArray>): void {
    for (const [name, { weights, optimiser }] of this.#parameters) {
      saveWeights(into, name, weights, optimiser);
    }
  }

  /** MR_MODEL_CHECKPOINT where they were saved of other shapes, or not at all. */
  restore(checkpoint: Checkpoint): void {
    for (const [name, { weights, optimiser }] of this.#parameters) {
      restoreWeights(checkpoint, name, weights, optimiser);
    }
  }

  #of(name: string): DenseParameter {
    return this.#parameters.get(name) as DenseParameter;
  }
}
