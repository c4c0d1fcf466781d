import { MessageWriter } from './protobuf.ts';
import type { Shape } from './shape.ts';
import {
  type Attributes,
  type Domain,
  type ElementType,
  elementTypes,
  type Graph,
  opsets,
  type Tensor,
} from './tensor.ts';

// Numbers of fields and enumerations are those of onnx.proto3, IR version 8.
const IR_VERSION = 8;
const attributeTypes = { int: 2, string: 3, floats: 6, ints: 7, strings: 8 };

/** The graph as an ONNX file: the operations that its outputs need, and no others. Every input is declared. */
export function toOnnx(graph: Graph): Uint8Array {
  const message = new MessageWriter();
  const needed = reachable(graph);
  const domains = new Set<Domain>(['']);
  for (const tensor of graph.tensors) {
    if (tensor.source.kind !== 'operation' || !needed.has(tensor)) continue;
    message.message(1, node(tensor));
    domains.add(tensor.source.domain);
  }
  for (const [name, tensor] of graph.outputs) {
    message.message(1, new MessageWriter().string(1, tensor.name).string(2, name).string(4, 'Identity'));
  }
  message.string(2, 'millrace');
  for (const tensor of graph.tensors) {
    if (tensor.source.kind === 'constant' && needed.has(tensor)) message.message(5, initializer(tensor));
  }
  for (const tensor of graph.tensors) {
    if (tensor.source.kind === 'input') message.message(11, valueInfo(tensor.name, tensor));
  }
  for (const [name, tensor] of graph.outputs) message.message(12, valueInfo(name, tensor));

  const model = new MessageWriter().int(1, IR_VERSION).string(2, 'millrace').message(7, message);
  for (const domain of domains)
    model.message(8, new MessageWriter().string(1, domain).int(2, opsets[domain]));
  return model.finish();
}

function reachable(graph: Graph): Set<Tensor> {
  const needed = new Set<Tensor>(graph.outputs.values());
  for (const tensor of graph.tensors.toReversed()) {
    if (!needed.has(tensor) || tensor.source.kind !== 'operation') continue;
    for (const input of tensor.source.inputs) needed.add(input);
  }
  return needed;
}

function node(tensor: Tensor): MessageWriter {
  const message = new MessageWriter();
  if (tensor.source.kind !== 'operation') return message;
  const { operation, domain, inputs, attributes } = tensor.source;
  for (const input of inputs) message.string(1, input.name);
  message.string(2, tensor.name).string(3, `${operation}_${tensor.id}`).string(4, operation);
  for (const [name, value] of Object.entries(attributes)) message.message(5, attribute(name, value));
  if (domain !== '') message.string(7, domain);
  return message;
}

function attribute(name: string, value: Attributes[string]): MessageWriter {
  const message = new MessageWriter().string(1, name);
  if ('int' in value) return message.int(3, value.int).int(20, attributeTypes.int);
  if ('string' in value) return message.string(4, value.string).int(20, attributeTypes.string);
  if ('floats' in value) return message.floats(7, value.floats).int(20, attributeTypes.floats);
  if ('strings' in value) {
    for (const item of value.strings) message.string(9, item);
    return message.int(20, attributeTypes.strings);
  }
  for (const item of value.ints) message.int(8, item);
  return message.int(20, attributeTypes.ints);
}

function initializer(tensor: Tensor): MessageWriter {
  const message = new MessageWriter();
  if (tensor.source.kind !== 'constant') return message;
  const { data } = tensor.source;
  for (const size of tensor.shape as readonly number[]) message.int(1, size);
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message.int(2, elementTypes[tensor.type]).string(8, tensor.name).bytes(9, raw);
}

function valueInfo(name: string, { type, shape }: { type: ElementType; shape: Shape }): MessageWriter {
  const dimensions = new MessageWriter();
  for (const size of shape) {
    const dimension = new MessageWriter();
    dimensions.message(1, typeof size === 'string' ? dimension.string(2, size) : dimension.int(1, size));
  }
  const tensorType = new MessageWriter().int(1, elementTypes[type]).message(2, dimensions);
  return new MessageWriter().string(1, name).message(2, new MessageWriter().message(1, tensorType));
}
