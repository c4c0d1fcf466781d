import { type Field, fieldsOf } from './protobuf.ts';

/** A tensor that is stored in a graph; `data` is not copied. */
export type OnnxConstant = {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
};

export type OnnxNode = {
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** As the file has them, and the domain of the operation. */
  readonly attributes: string;
};

export type OnnxParts = { readonly nodes: readonly OnnxNode[]; readonly constants: readonly OnnxConstant[] };

/** Numbers of fields in onnx.proto3. */
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5 };
const NODE = { input: 1, output: 2, operation: 4, attribute: 5, domain: 7 };
const TENSOR = { dimension: 1, type: 2, name: 8, data: 9 };

/** What a graph consists of, as far as `toOnnx` writes it; undefined for bytes that are no such file. */
export function readOnnx(file: Uint8Array): OnnxParts | undefined {
  const [graph, more] = all(fieldsOf(file), MODEL.graph);
  const fields = graph && fieldsOf(graph);
  // Several would be read as one.
  if (fields === undefined || more !== undefined) return undefined;
  return {
    nodes: all(fields, GRAPH.node).map(nodeOf),
    constants: all(fields, GRAPH.initializer).map(constantOf),
  };
}

function nodeOf(message: Uint8Array): OnnxNode {
  const fields = fieldsOf(message);
  const texts = (field: number) => all(fields, field).map(textOf);
  const attributes = all(fields, NODE.attribute).map((each) => Buffer.from(each).toString('hex'));
  return {
    operation: texts(NODE.operation).join(),
    inputs: texts(NODE.input),
    output: texts(NODE.output).join(),
    attributes: [...texts(NODE.domain), ...attributes].join(),
  };
}

function constantOf(message: Uint8Array): OnnxConstant {
  const fields = fieldsOf(message) ?? [];
  const numbers = (field: number) => fields.filter((each) => each.field === field).map(({ value }) => value);
  return {
    name: all(fields, TENSOR.name).map(textOf).join(),
    type: Number(numbers(TENSOR.type)[0]),
    shape: numbers(TENSOR.dimension).map(Number),
    data: all(fields, TENSOR.data)[0] ?? new Uint8Array(0),
  };
}

function all(fields: readonly Field[] | undefined, field: number): Uint8Array[] {
  const values = fields?.flatMap((each) => (each.field === field ? [each.value] : [])) ?? [];
  return values.filter((value) => value instanceof Uint8Array);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/**
 * How a graph computes, as a text that is equal for graphs that do so alike: whatever tensors are called, and however many
 * rows the tables have which are named here by their places among the constants, as long as each is of the same width.
 */
export function formOf({ nodes, constants }: OnnxParts, tables: readonly number[]): string {
  const names = new Map<string, string>();
  for (const [place, { name }] of constants.entries()) names.set(name, `c${place}`);
  for (const [place, { output }] of nodes.entries()) names.set(output, `n${place}`);
  return JSON.stringify([
    nodes.map(({ operation, inputs, attributes }) => [
      operation,
      inputs.map((input) => names.get(input) ?? input),
      attributes,
    ]),
    constants.map(({ type, shape, data }, place) =>
      tables.includes(place)
        ? [type, shape.slice(1)]
        : [type, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')],
    ),
  ]);
}
