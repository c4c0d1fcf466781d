import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { InputError, invariant } from '#platform';
import { openGraph } from '../graph/session.ts';
import type { ExternalInput, ExternalManifest } from './manifest.ts';
import { checkSignature } from './signature.ts';

/** One feature of one row; null where it has no value. */
export type FeatureValue = number | string | boolean | null;
/** The features of a row, in the order of `inputFeatures`. */
export type FeatureValues = readonly FeatureValue[];

const probedRows = [1, 3] as const;

/** Every feature that a model reads, in the order of its inputs and their columns. */
export function inputFeatures({ inputs }: Pick<ExternalManifest, 'inputs'>): readonly string[] {
  return inputs.flatMap(({ features }) => features);
}

/**
 * A model from outside, which gives each row of features a score. It computes on the thread that calls it and blocks it:
 * in a service it belongs in a worker thread.
 */
export class ExternalScorer {
  readonly #session: InferenceSession;
  readonly #manifest: ExternalManifest;

  private constructor(session: InferenceSession, manifest: ExternalManifest) {
    this.#session = session;
    this.#manifest = manifest;
  }

  /**
   * Errors: InputError MR_MODEL_GRAPH for what can't be run, such as an unknown operator; MR_MODEL_SIGNATURE where the
   * graph's inputs and outputs are not the manifest's.
   */
  static async load(graph: Uint8Array, manifest: ExternalManifest): Promise<ExternalScorer> {
    let session: InferenceSession;
    try {
      session = await openGraph(graph);
    } catch (cause) {
      throw new InputError('MR_MODEL_GRAPH', `onnxruntime can't run the graph: ${(cause as Error).message}`, {
        hint: 'Export it with operators of the standard ONNX domains and its weights inside the file.',
        cause,
      });
    }
    try {
      checkSignature(session, manifest);
    } catch (error) {
      await session.release();
      throw error;
    }
    return new ExternalScorer(session, manifest);
  }

  /**
   * Runs it over rows of zeros and over rows without any value. Errors: InputError MR_MODEL_PROBE where a run fails or a
   * score is not finite; MR_MODEL_SIGNATURE where the output has another shape than the manifest says.
   */
  async probe(): Promise<void> {
    const zeros = this.#manifest.inputs.flatMap(({ type, features }) =>
      features.map((): FeatureValue => (type === 'string' ? '' : 0)),
    );
    const nothing = zeros.map((): FeatureValue => null);
    for (const [of, values] of Object.entries({ zeros, 'missing values': nothing })) {
      for (const rows of probedRows) {
        const scores = await this.score(Array.from({ length: rows }, () => values));
        const wrong = scores.find((score) => !Number.isFinite(score));
        if (wrong !== undefined) throw probeFailed(`it scores a row of ${of} with ${wrong}`);
      }
    }
  }

  /**
   * A score for each row. Errors: InputError MR_MODEL_PROBE where the graph can't be run over them; MR_MODEL_SIGNATURE as
   * `probe`.
   */
  async score(rows: readonly FeatureValues[]): Promise<Float64Array> {
    if (rows.length === 0) return new Float64Array();
    const { name } = this.#manifest.output;
    let outputs: Awaited<ReturnType<InferenceSession['run']>>;
    try {
      outputs = await this.#session.run(this.#feeds(rows), [name]);
    } catch (cause) {
      throw probeFailed(`a run over ${rows.length} rows failed: ${(cause as Error).message}`, cause);
    }
    const output = outputs[name];
    invariant(output !== undefined, 'a run gives the output that was asked for');
    return this.#scores(output, rows.length);
  }

  /** Frees the native session; a run afterwards fails. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  #feeds(rows: readonly FeatureValues[]): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    let from = 0;
    for (const input of this.#manifest.inputs) {
      const width = input.features.length;
      const values = rows.flatMap((row) => row.slice(from, from + width));
      invariant(values.length === rows.length * width, 'each row has all features of the model');
      const rank = this.#rankOf(input.name);
      feeds[input.name] = tensorOf(input, values, rank === 1 ? [rows.length] : [rows.length, width]);
      from += width;
    }
    return feeds;
  }

  #rankOf(name: string): number {
    const metadata = this.#session.inputMetadata.find((each) => each.name === name);
    return metadata?.isTensor ? metadata.shape.length : 0;
  }

  #scores({ data, dims, type }: Tensor, rows: number): Float64Array {
    const { name, columns, column } = this.#manifest.output;
    const expected = columns === undefined ? [rows] : [rows, columns];
    // CatBoost declares [rows] and computes [rows, 1].
    const isColumn = columns === undefined && dims.join() === [rows, 1].join();
    if ((dims.join() !== expected.join() && !isColumn) || (type !== 'float32' && type !== 'float64')) {
      throw new InputError(
        'MR_MODEL_SIGNATURE',
        `The output ${name} is ${type} [${dims.join(', ')}] for ${rows} rows; the manifest says [${expected.join(', ')}].`,
        { hint: 'Correct output in model.json, or export the model with a variable number of rows.' },
      );
    }
    const width = columns ?? 1;
    return Float64Array.from({ length: rows }, (_, row) => Number(data[row * width + column]));
  }
}

function tensorOf({ type, missing }: ExternalInput, values: FeatureValues, shape: readonly number[]): Tensor {
  const numbers = () => values.map((value) => Number(value ?? missing));
  if (type === 'string')
    return new Tensor(
      'string',
      values.map((value) => String(value ?? missing)),
      shape,
    );
  if (type === 'float32') return new Tensor('float32', Float32Array.from(numbers()), shape);
  if (type === 'float64') return new Tensor('float64', Float64Array.from(numbers()), shape);
  return new Tensor(
    'int64',
    BigInt64Array.from(numbers(), (value) => BigInt(Math.trunc(value) || 0)),
    shape,
  );
}

function probeFailed(problem: string, cause?: unknown): InputError {
  return new InputError('MR_MODEL_PROBE', `The model can't be used: ${problem}.`, {
    hint: 'State in the manifest, as inputs[].missing, what represents a missing value, and test the graph on zeros.',
    ...(cause !== undefined && { cause }),
  });
}
