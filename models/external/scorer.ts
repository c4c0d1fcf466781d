import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { InputError, invariant } from '#platform';
import { onnxruntime } from '../graph/onnxruntime.ts';
import { openGraph } from '../graph/session.ts';
import type { FeatureColumn } from '../ranking/port.ts';
import type { ExternalInput, ExternalManifest } from './manifest.ts';
import { checkSignature } from './signature.ts';

const PROBED_ROWS = [1, 3] as const;

/**
 * A model from outside, which scores rows of features. It computes on the thread that calls it and blocks it:
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
    const session = await openExternalGraph(graph);
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
    const { inputs } = this.#manifest;
    const columnsOf = (rows: number, number: number, text: string | null) =>
      inputs.flatMap(({ type, features }) =>
        features.map((): FeatureColumn => {
          return type === 'string' ? Array(rows).fill(text) : new Float64Array(rows).fill(number);
        }),
      );
    for (const rows of PROBED_ROWS) {
      const probes = { zeros: columnsOf(rows, 0, ''), 'missing values': columnsOf(rows, Number.NaN, null) };
      for (const [of, columns] of Object.entries(probes)) {
        const wrong = (await this.score(columns, rows)).find((score) => !Number.isFinite(score));
        if (wrong !== undefined) throw probeFailed(`it scores a row of ${of} with ${wrong}`);
      }
    }
  }

  /**
   * [rows]; `columns` are of this many values each, in the order of the manifest's features. Errors: InputError
   * MR_MODEL_PROBE where the graph can't be run over them; MR_MODEL_SIGNATURE as `probe`.
   */
  async score(columns: readonly FeatureColumn[], rows: number): Promise<Float64Array> {
    if (rows === 0) return new Float64Array();
    const { name } = this.#manifest.output;
    let outputs: Awaited<ReturnType<InferenceSession['run']>>;
    try {
      outputs = await this.#session.run(this.#feeds(columns, rows), [name]);
    } catch (cause) {
      throw probeFailed(`a run over ${rows} rows failed: ${(cause as Error).message}`, cause);
    }
    const output = outputs[name];
    invariant(output !== undefined, 'a run returns the requested output');
    return this.#scores(output, rows);
  }

  /** Frees the native session; a run afterwards fails. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  #feeds(columns: readonly FeatureColumn[], rows: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    let from = 0;
    for (const input of this.#manifest.inputs) {
      const width = input.features.length;
      const own = columns.slice(from, from + width);
      invariant(
        own.length === width && own.every(({ length }) => length === rows),
        'each feature has its column',
      );
      feeds[input.name] = tensorOf(input, own, this.#rankOf(input.name) === 1 ? [rows] : [rows, width]);
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

/** Errors: InputError MR_MODEL_GRAPH. */
export async function openExternalGraph(graph: Uint8Array): Promise<InferenceSession> {
  try {
    return await openGraph(graph);
  } catch (cause) {
    throw new InputError('MR_MODEL_GRAPH', `onnxruntime can't run the graph: ${(cause as Error).message}`, {
      hint: 'Export it with operators of the standard ONNX domains and its weights inside the file.',
      cause,
    });
  }
}

/** The columns side by side, row by row. */
function tensorOf(
  { type, missing }: ExternalInput,
  columns: readonly FeatureColumn[],
  shape: readonly [rows: number, width?: number],
): Tensor {
  const [rows] = shape;
  const width = columns.length;
  if (type === 'string') {
    const texts: string[] = new Array(rows * width);
    columns.forEach((column, at) => {
      for (let row = 0; row < rows; row++) texts[row * width + at] = String(column[row] ?? missing);
    });
    return new (onnxruntime().Tensor)('string', texts, shape as readonly number[]);
  }
  const fill = Number(missing);
  const numbers = type === 'float32' ? new Float32Array(rows * width) : new Float64Array(rows * width);
  columns.forEach((column, at) => {
    for (let row = 0; row < rows; row++) {
      const value = column[row] as number;
      numbers[row * width + at] = Number.isNaN(value) ? fill : value;
    }
  });
  if (type !== 'int64') return new (onnxruntime().Tensor)(type, numbers, shape as readonly number[]);
  const whole = BigInt64Array.from(numbers, (value) => BigInt(Math.trunc(value) || 0));
  return new (onnxruntime().Tensor)('int64', whole, shape as readonly number[]);
}

function probeFailed(problem: string, cause?: unknown): InputError {
  return new InputError('MR_MODEL_PROBE', `The model can't be used: ${problem}.`, {
    hint: 'State in the manifest, as inputs[].missing, what represents a missing value, and test the graph on zeros.',
    ...(cause !== undefined && { cause }),
  });
}
