import assert from 'node:assert/strict';
import { seededRandom } from '../../random.ts';
import { mul } from '../arithmetic.ts';
import { gradients } from '../gradients.ts';
import { toOnnx } from '../onnx.ts';
import { sum } from '../reduction.ts';
import { type Feed, Session } from '../session.ts';
import { Graph, type Tensor } from '../tensor.ts';

export type Case = {
  /** Shapes of the differentiable inputs. */
  readonly shapes: readonly number[][];
  readonly build: (a: Tensor, b: Tensor, c: Tensor) => Tensor;
  /** Keeps inputs inside of the operation's smooth domain. */
  readonly domain?: (x: number) => number;
};

export const positive = (x: number): number => Math.abs(x) + 0.5;
export const ids = (graph: Graph, values: readonly number[], shape: readonly number[]): Tensor =>
  graph.constant(BigInt64Array.from(values, BigInt), shape);

/** The loss is a weighted sum of the result, so that no two elements of the gradient agree by accident. */
function differentiated({ shapes, build }: Case): Graph {
  const random = seededRandom(7);
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const [a, b, c] = inputs as [Tensor, Tensor, Tensor];
  const result = build(a, b, c);
  const size = (result.shape as number[]).reduce((product, dimension) => product * dimension, 1);
  const weights = Float32Array.from({ length: size }, () => random.normal());
  const loss = sum(mul(result, graph.constant(weights, result.shape)));
  graph.output('loss', loss);
  gradients(loss, inputs).forEach((gradient, i) => {
    assert.deepEqual(gradient.shape, shapes[i]);
    graph.output(`dx${i}`, gradient);
  });
  return graph;
}

/** Compares the gradient of each element with what the loss does when the element is moved both ways. */
export async function assertGradients(tested: Case): Promise<void> {
  const session = await Session.create(toOnnx(differentiated(tested)));
  const random = seededRandom(11);
  const domain = tested.domain ?? ((x: number) => x);
  const feeds: Record<string, Feed> = {};
  tested.shapes.forEach((shape, i) => {
    const length = shape.reduce((product, dimension) => product * dimension, 1);
    feeds[`x${i}`] = { data: Float32Array.from({ length }, () => domain(random.normal())), shape };
  });
  const outputs = await session.run(feeds);
  const lossAt = async () => (await session.run(feeds)).loss?.[0] as number;
  const step = 2 ** -7;
  for (const [input, { data }] of Object.entries(feeds)) {
    const exact = Float32Array.from(outputs[`d${input}`] as Float32Array);
    for (let i = 0; i < data.length; i++) {
      const kept = data[i] as number;
      data[i] = kept + step;
      const above = await lossAt();
      data[i] = kept - step;
      const below = await lossAt();
      data[i] = kept;
      const measured = (above - below) / (2 * step);
      const error = Math.abs(measured - (exact[i] as number));
      assert.ok(error < 2e-3 * (1 + Math.abs(measured)), `${input}[${i}]: ${exact[i]}, measured ${measured}`);
    }
  }
  await session.close();
}
