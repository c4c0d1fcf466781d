import { invariant } from '#platform';
import { add } from './arithmetic.ts';
import { shapeError } from './shape.ts';
import type { Tensor } from './tensor.ts';

/**
 * Reverse-mode differentiation (Griewank and Walther 2008): extends the loss's graph by the gradients of a scalar
 * with respect to `parameters`, in their order. Walks the operations from the loss back, applying each pullback once,
 * when the gradients of all uses of its output have been added up.
 */
export function gradients(loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) throw shapeError('gradients', [loss.shape], 'the loss must be a scalar');
  const { graph } = loss;
  const forward = graph.tensors.slice(0, loss.id + 1);
  const dependent = dependents(forward, parameters);
  const gradientOf = new Map<Tensor, Tensor>([[loss, graph.scalar(1)]]);

  for (const tensor of forward.toReversed()) {
    const gradient = gradientOf.get(tensor);
    const { source } = tensor;
    if (gradient === undefined || source.kind !== 'operation') continue;
    const { pullback, differentiated: inputs, operation } = source;
    if (!inputs.some((input) => dependent.has(input))) continue;
    invariant(pullback !== undefined, `${operation} has no gradient`);
    for (const [i, contribution] of pullback(gradient).entries()) {
      const input = inputs[i] as Tensor;
      if (contribution === undefined || !dependent.has(input)) continue;
      const earlier = gradientOf.get(input);
      gradientOf.set(input, earlier === undefined ? contribution : add(earlier, contribution));
    }
  }
  return parameters.map((parameter) => {
    const gradient = gradientOf.get(parameter);
    if (gradient === undefined) {
      throw shapeError('gradients', [parameter.shape], `the loss does not depend on ${parameter.name}`);
    }
    return gradient;
  });
}

/** The tensors among `forward` that are computed from any of the parameters. */
function dependents(forward: readonly Tensor[], parameters: readonly Tensor[]): Set<Tensor> {
  const dependent = new Set<Tensor>(parameters);
  for (const tensor of forward) {
    const { source } = tensor;
    if (source.kind === 'operation' && source.differentiated.some((input) => dependent.has(input))) {
      dependent.add(tensor);
    }
  }
  return dependent;
}
