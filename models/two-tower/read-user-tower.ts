import { formOf, type OnnxConstant, readOnnx } from '../graph/onnx-parts.ts';
import { type TowerParameters, userTowerOnnx } from './serving.ts';

/**
 * Rows of floats, one after another, wherever they lie in the file: it is not copied, since a table of a million items would hold up
 * the thread that answers for a tenth of a second.
 */
export type Table = { readonly values: DataView; readonly rows: number };

/** A layer by its outputs: the weights of each lie together, [outputs, inputs]. */
export type Layer = { readonly weights: Float32Array; readonly bias: Float32Array };

/** The user tower (towers.ts) as it is computed. */
export type TowerParts = {
  readonly user: Table;
  readonly history: Table;
  readonly profile: Table;
  readonly context: Table | undefined;
  /** [heads, dim]: how much an item counts to each head, whatever its place, is the product with its row. */
  readonly attention: Float32Array;
  /** [history length, heads] */
  readonly recency: Float32Array;
  readonly heads: Layer;
  readonly hidden: Layer;
  readonly output: Layer;
  /** Where the values of each feature begin in its table. */
  readonly profileStarts: readonly number[];
  readonly contextStarts: readonly number[];
};

/** What is learned of users, as `userTowerOnnx` names it, in the order in which a file has it. */
const DENSE = [
  'profile',
  'attention',
  'recency',
  'heads',
  'hiddenWeights',
  'hiddenBias',
  'outputWeights',
  'outputBias',
  'context',
] as const;
const FLOAT = 1;
const NONE = new Float32Array(0);

/** Reads a file of `userTowerOnnx`; undefined for any other file, and for one that this build would write differently. */
export function readUserTower(file: Uint8Array): TowerParts | undefined {
  const graph = readOnnx(file);
  if (graph === undefined) return undefined;
  const { nodes, constants } = graph;
  const floats = constants.filter(({ type, shape }) => type === FLOAT && shape.length > 0);
  const [user, history, ...rest] = floats;
  const startsOf = (input: string) => {
    const node = nodes.find(({ operation, inputs }) => operation === 'Add' && inputs[0] === input);
    const starts = node && constants.find(({ name }) => name === node.inputs[1]);
    return starts && Array.from(integersOf(starts), Number);
  };
  const [profileStarts, contextStarts] = [startsOf('profile'), startsOf('context')];
  const dense = new Map<string, OnnxConstant>();
  for (const [i, name] of DENSE.entries()) {
    const constant = rest[i];
    const isThere = constant !== undefined && (name !== 'context' || contextStarts !== undefined);
    if (isThere) dense.set(name, constant);
  }
  const isWhole = dense.size === DENSE.length - (contextStarts === undefined ? 1 : 0);
  if (!isWhole || user === undefined || history === undefined || profileStarts === undefined)
    return undefined;
  const shapes = [user, history, ...dense.values()].map(({ shape }) => shape);
  if (shapes.some((shape) => shape.length > 2 || shape.includes(0))) return undefined;
  const tables = [constants.indexOf(user), constants.indexOf(history)];
  const own = { user, history, dense, profileStarts, contextStarts };
  return formOf(graph, tables) === formAsWritten(own, tables) ? partsOf(own) : undefined;
}

type Read = {
  readonly user: OnnxConstant;
  readonly history: OnnxConstant;
  readonly dense: ReadonlyMap<string, OnnxConstant>;
  readonly profileStarts: readonly number[];
  readonly contextStarts: readonly number[] | undefined;
};

/** The form of the file that `userTowerOnnx` writes of what was read, of which tables have one row. */
function formAsWritten(
  { user, history, dense, profileStarts, contextStarts }: Read,
  tables: readonly number[],
): string | undefined {
  const oneRow = ({ shape: [, width = 0] }: OnnxConstant) => ({
    weights: new Float32Array(width),
    rows: 1,
    width,
  });
  const parameters: TowerParameters = {
    tables: new Map([
      ['user', oneRow(user)],
      ['history', oneRow(history)],
    ]),
    dense: new Map(
      Array.from(dense, ([name, constant]) => [name, { shape: constant.shape, weights: floatsOf(constant) }]),
    ),
  };
  const sizesOf = (starts: readonly number[], name: string) => {
    const rows = dense.get(name)?.shape[0] ?? 0;
    return { cardinalities: starts.map((start, i) => (starts[i + 1] ?? rows) - start) };
  };
  const sizes = {
    profile: sizesOf(profileStarts, 'profile'),
    train: contextStarts === undefined ? {} : { context: sizesOf(contextStarts, 'context') },
  };
  try {
    const [historyLength = 0] = dense.get('recency')?.shape ?? [];
    const written = readOnnx(userTowerOnnx(parameters, sizes, historyLength));
    return written && formOf(written, tables);
  } catch {
    // Shapes that do not fit together.
    return undefined;
  }
}

function partsOf({ user, history, dense, profileStarts, contextStarts = [] }: Read): TowerParts {
  const floats = (name: string) => floatsOf(dense.get(name) as OnnxConstant);
  const table = ({ shape: [rows = 0], data }: OnnxConstant): Table => ({
    values: new DataView(data.buffer, data.byteOffset, data.byteLength),
    rows,
  });
  const layerOf = (name: string, bias: Float32Array): Layer => {
    const [inputs = 0, outputs = 0] = dense.get(name)?.shape ?? [];
    return { weights: transposed(floats(name), inputs, outputs), bias };
  };
  const context = dense.get('context');
  return {
    user: table(user),
    history: table(history),
    profile: table(dense.get('profile') as OnnxConstant),
    context: context && table(context),
    attention: layerOf('attention', NONE).weights,
    recency: floats('recency'),
    heads: layerOf('heads', NONE),
    hidden: layerOf('hiddenWeights', floats('hiddenBias')),
    output: layerOf('outputWeights', floats('outputBias')),
    profileStarts,
    contextStarts,
  };
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
}

/** A copy where the file has them at no address of a float. */
function floatsOf({ data }: OnnxConstant): Float32Array {
  const { buffer, byteOffset, byteLength } = byteAligned(data, Float32Array.BYTES_PER_ELEMENT);
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}

function integersOf({ data }: OnnxConstant): BigInt64Array {
  const { buffer, byteOffset, byteLength } = byteAligned(data, BigInt64Array.BYTES_PER_ELEMENT);
  return new BigInt64Array(buffer, byteOffset, byteLength / BigInt64Array.BYTES_PER_ELEMENT);
}

function byteAligned(data: Uint8Array, size: number): Uint8Array {
  return data.byteOffset % size === 0 ? data : Uint8Array.from(data);
}
