import type { InferenceSession } from 'onnxruntime-node';
import { InputError } from '#platform';
import { onnxruntime } from '../../graph/onnxruntime.ts';
import { toInt64 } from '../../graph/session.ts';
import type { UserEncoding, UserInput } from '../../serving/port.ts';
import { openExternalGraph } from '../scorer.ts';
import type { ExternalHistory, ExternalRetrievalManifest } from './manifest.ts';

/** The user side of a model from outside. Its runs block the thread. */
export class ExternalEncoder implements UserEncoding {
  readonly dim: number;
  readonly #run: Run;

  private constructor(run: Run, dim: number) {
    this.#run = run;
    this.dim = dim;
  }

  /**
   * Opens the graph, and runs it over a history. Errors: InputError MR_MODEL_GRAPH, MR_MODEL_SIGNATURE where it is not what
   * the manifest says, MR_MODEL_PROBE where it fails.
   */
  static async load(graph: Uint8Array, manifest: ExternalRetrievalManifest): Promise<ExternalEncoder> {
    const session = await openExternalGraph(graph);
    try {
      checkNames(session, manifest);
      const run = { session, manifest };
      return new ExternalEncoder(run, (await vectorsOf(run, [[0]])).length);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** [users, dim]; zeros for a user without a history. Errors: InputError MR_MODEL_PROBE, MR_MODEL_SIGNATURE. */
  async encode(users: readonly Pick<UserInput, 'history'>[]): Promise<Float32Array> {
    const vectors = new Float32Array(users.length * this.dim);
    const rows = [...users.keys()].filter((row) => users[row]?.history.length !== 0);
    if (rows.length === 0) return vectors;
    const histories = rows.map((row) => users[row]?.history ?? []);
    const found = await vectorsOf(this.#run, histories);
    rows.forEach((row, at) => {
      vectors.set(found.subarray(at * this.dim, (at + 1) * this.dim), row * this.dim);
    });
    return vectors;
  }

  /** Runs it over several users, among them one with every item place filled, up to the last of `items`. Errors: as `encode`. */
  async probe(items: number): Promise<void> {
    const { length } = this.#run.manifest.history;
    const full = Array.from({ length }, (_, i) => (items - 1 - i + items * length) % items);
    await this.encode([{ history: full }, { history: [0] }, { history: [items - 1] }]);
  }

  async close(): Promise<void> {
    await this.#run.session.release();
  }
}

type Run = { readonly session: InferenceSession; readonly manifest: ExternalRetrievalManifest };

/** [histories, dim], of histories that are not empty. */
async function vectorsOf(
  { session, manifest: { history, output: name } }: Run,
  histories: readonly (readonly number[])[],
): Promise<Float32Array> {
  const users = histories.length;
  const { Tensor } = onnxruntime();
  const input = new Tensor('int64', toInt64(numbered(histories, history)), [users, history.length]);
  let outputs: Awaited<ReturnType<InferenceSession['run']>>;
  try {
    outputs = await session.run({ [history.name]: input }, [name]);
  } catch (cause) {
    throw probeFailed(`a run over ${users} histories failed: ${(cause as Error).message}`, cause);
  }
  const { dims = [], type, data } = outputs[name] ?? {};
  if (type !== 'float32' || dims.length !== 2 || dims[0] !== users)
    throw otherSignature(`The output ${name} is ${type} [${dims.join(', ')}] for ${users} users.`);
  const vectors = data as Float32Array;
  const wrong = vectors.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw probeFailed(`the vector of a user has ${wrong} in it`);
  return vectors;
}

/** [histories, length], newest first as they come; see ExternalHistory. */
function numbered(
  histories: readonly (readonly number[])[],
  { length, order, first }: ExternalHistory,
): Int32Array {
  const ids = new Int32Array(histories.length * length).fill(first - 1);
  histories.forEach((history, row) => {
    for (let i = 0; i < Math.min(length, history.length); i++) {
      const at = order === 'newest-first' ? i : length - 1 - i;
      ids[row * length + at] = first + (history[i] as number);
    }
  });
  return ids;
}

function checkNames(
  { inputMetadata, outputNames }: InferenceSession,
  { history, output }: ExternalRetrievalManifest,
): void {
  const [input, ...more] = inputMetadata;
  const described = inputMetadata.map(({ name }) => name).join(', ');
  if (input?.name !== history.name || more.length > 0)
    throw otherSignature(`The graph has the inputs ${described}; the manifest says ${history.name} alone.`);
  if (!input.isTensor || input.type !== 'int64' || input.shape.length !== 2)
    throw otherSignature(`The input ${history.name} is not int64 [users, length].`);
  const [users, length] = input.shape;
  if (typeof users === 'number' && users >= 0)
    throw otherSignature(`The graph takes exactly ${users} users; their number has to vary.`);
  if (typeof length === 'number' && length >= 0 && length !== history.length)
    throw otherSignature(`The graph takes ${length} items of a user; the manifest says ${history.length}.`);
  if (!outputNames.includes(output))
    throw otherSignature(`The manifest names output ${output}; the graph has ${outputNames.join(', ')}.`);
}

function otherSignature(problem: string): InputError {
  return new InputError('MR_MODEL_SIGNATURE', problem, {
    hint: 'Correct model.json, or export the encoder with one input of histories and one output of vectors.',
  });
}

function probeFailed(problem: string, cause?: unknown): InputError {
  return new InputError('MR_MODEL_PROBE', `The model fails: ${problem}.`, {
    hint: 'Test the encoder by itself with a history of one item, and with a full one.',
    ...(cause !== undefined && { cause }),
  });
}
