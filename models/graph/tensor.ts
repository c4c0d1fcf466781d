import { InputError, invariant } from '#platform';
import { formatShape, type Shape, shapeError, sizeOf } from './shape.ts';

/** What tensors hold, with its number in onnx.proto3. */
export const elementTypes = { float: 1, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;
export type Attributes = Readonly<
  Record<
    string,
    | { int: number }
    | { ints: Iterable<number> }
    | { floats: Float32Array }
    | { string: string }
    | { strings: readonly string[] }
  >
>;
/** Operator sets with the version that graphs import; '' is ONNX itself, the other one is its trees. */
export const opsets = { '': 17, 'ai.onnx.ml': 3 } as const;
export type Domain = keyof typeof opsets;

/**
 * The reverse-mode rule of an operation: from the gradient of the loss with respect to its output to the gradients
 * with respect to what it was computed from, in order; undefined for an input that has none (ids, masks).
 */
export type Pullback = (gradient: Tensor) => readonly (Tensor | undefined)[];

/** A node of the graph: one operation and its only output. Made by `Graph` and the operators, never changed. */
export type Tensor = {
  readonly graph: Graph;
  /** Position in the graph: inputs of an operation always come before it. */
  readonly id: number;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  readonly source:
    | { readonly kind: 'input' }
    | { readonly kind: 'constant'; readonly data: Float32Array | BigInt64Array }
    | {
        readonly kind: 'operation';
        readonly operation: string;
        readonly domain: Domain;
        readonly inputs: readonly Tensor[];
        readonly attributes: Attributes;
        /** What the pullback gives gradients of: the inputs, or what they were computed from. */
        readonly differentiated: readonly Tensor[];
        readonly pullback: Pullback | undefined;
      };
};

/** A graph under construction: named inputs, constants, operations in order, named outputs. */
export class Graph {
  readonly tensors: Tensor[] = [];
  readonly outputs = new Map<string, Tensor>();
  readonly #inputNames = new Set<string>();

  /** A tensor fed at each run: data, and parameters too. */
  input(name: string, shape: Shape, type: ElementType = 'float'): Tensor {
    if (this.#inputNames.has(name)) throw new InputError('MR_GRAPH_NAME', `input ${name} is declared twice`);
    this.#inputNames.add(name);
    return this.#append(type, shape, { kind: 'input' }, name);
  }

  /** A tensor stored in the graph: Float32Array makes a float, BigInt64Array an int64 tensor. */
  constant(data: Float32Array | BigInt64Array, shape: Shape): Tensor {
    if (sizeOf(shape) !== data.length) {
      throw shapeError('constant', [shape, [data.length]], 'the data must fill the shape');
    }
    return this.#append(data instanceof Float32Array ? 'float' : 'int64', shape, { kind: 'constant', data });
  }

  scalar(value: number): Tensor {
    return this.constant(Float32Array.of(value), []);
  }

  /** A constant int64 vector: shapes, axes and bounds, which ONNX takes as tensors. */
  integers(values: readonly number[]): Tensor {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /**
   * Adds an operation. Operators are the callers: they have checked the shapes. An operator of several operations that
   * knows its gradient as a whole gives the last of them a pullback to `differentiated`, the operator's own inputs.
   */
  apply(
    operation: string,
    inputs: readonly Tensor[],
    result: { shape: Shape; type?: ElementType; attributes?: Attributes; domain?: Domain },
    pullback?: Pullback,
    differentiated = inputs,
  ): Tensor {
    for (const tensor of inputs) invariant(tensor.graph === this, `${operation} mixes two graphs`);
    const { attributes = {}, domain = '' } = result;
    const kind = 'operation';
    const source = { kind, operation, domain, inputs, attributes, differentiated, pullback } as const;
    return this.#append(result.type ?? 'float', result.shape, source);
  }

  output(name: string, tensor: Tensor): void {
    if (this.outputs.has(name) || this.#inputNames.has(name)) {
      throw new InputError('MR_GRAPH_NAME', `output ${name} ${formatShape(tensor.shape)}: the name is taken`);
    }
    this.outputs.set(name, tensor);
  }

  #append(type: ElementType, shape: Shape, source: Tensor['source'], name?: string): Tensor {
    const id = this.tensors.length;
    const tensor: Tensor = { graph: this, id, name: name ?? `t${id}`, type, shape, source };
    this.tensors.push(tensor);
    return tensor;
  }
}
