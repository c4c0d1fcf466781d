import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { ConfigurationError } from '#platform';
import type { ManifestFile } from '../artifact/port.ts';
import { onnxruntime } from '../graph/onnxruntime.ts';
import { openGraph } from '../graph/session.ts';
import { readGraph, readTokenizer } from './encoder-files.ts';
import type { WordPiece } from './word-piece.ts';

/** Tokens of a title that are looked at. */
const LONGEST_TITLE = 64;

/** What a title is fed as: its text, or the ids of its tokens. */
type TitleInput = (title: string) => Record<string, Tensor>;

/**
 * A text encoder of somebody else's, as ONNX: what PyTorch, sentence-transformers and optimum export of BERT and its kin,
 * with its WordPiece tokens beside it, or a graph that takes the texts themselves. Its runs block the thread.
 *
 * Each title is a run of its own. In batches of 64 a real encoder takes half of the processor time (3.5 ms a title, not
 * 6.5), but a quantised one scales its numbers by all that is in the run: vectors that are kept for later trainings must
 * not depend on what they were computed beside.
 */
export class TitleEncoder {
  /** What it was read from, for the lineage of what is learned from it. */
  readonly files: readonly ManifestFile[];
  readonly #session: InferenceSession;
  readonly #path: string;
  readonly #input: TitleInput;
  #width: number | undefined;

  private constructor(
    session: InferenceSession,
    path: string,
    input: TitleInput,
    files: readonly ManifestFile[],
  ) {
    this.#session = session;
    this.#path = path;
    this.#input = input;
    this.files = files;
  }

  /**
   * From the path of an ONNX file. Errors: ConfigurationError MR_TEXT_ENCODER_MISSING for a file that can't be read,
   * MR_TEXT_ENCODER_UNFIT for a graph that onnxruntime can't run, or that takes or gives something else.
   */
  static async open(path: string): Promise<TitleEncoder> {
    const { graph, weights, files } = await readGraph(path);
    let session: InferenceSession;
    try {
      session = await openGraph(graph, { weights });
    } catch (cause) {
      throw unfit(path, `onnxruntime can't run it: ${(cause as Error).message}`, cause);
    }
    try {
      if (takesTexts(session)) return new TitleEncoder(session, path, textInput(session), files);
      checkTokenInputs(session, path);
      const { tokens, file } = await readTokenizer(path);
      if (tokens === undefined)
        throw unfit(path, `${file.name} beside it is not a WordPiece vocabulary like BERT's`);
      return new TitleEncoder(session, path, tokenInput(session, tokens), [...files, file]);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * A vector of length 1, of as many numbers for any title. Errors: ConfigurationError MR_TEXT_ENCODER_UNFIT where a run
   * fails, or gives no vector of finite numbers.
   */
  async encode(title: string): Promise<Float32Array> {
    const { outputNames } = this.#session;
    const name = outputNames.find((each) => each === 'sentence_embedding') ?? (outputNames[0] as string);
    let output: Tensor | undefined;
    try {
      output = (await this.#session.run(this.#input(title), [name]))[name];
    } catch (cause) {
      throw unfit(this.#path, `a run over a title failed: ${(cause as Error).message}`, cause);
    }
    const vector = output?.data instanceof Float32Array ? pool(output.data, output.dims) : undefined;
    if (vector === undefined) {
      const is = `${output?.type} [${output?.dims.join(', ')}]`;
      throw unfit(this.#path, `its output ${name} is ${is} for a title, or not finite`);
    }
    this.#width ??= vector.length;
    if (vector.length === this.#width) return vector;
    throw unfit(this.#path, `it returns vectors of ${this.#width} and of ${vector.length}`);
  }

  /** Frees the native session. */
  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** The vector [1, width], or the mean over tokens of [1, tokens, width], at length 1; undefined if it is no vector of numbers. */
function pool(data: Float32Array, dims: readonly number[]): Float32Array | undefined {
  const width = dims.at(-1) ?? 0;
  if (dims[0] !== 1 || width === 0 || data.length === 0 || dims.length < 2 || dims.length > 3)
    return undefined;
  const vector = new Float32Array(width);
  for (let at = 0; at < data.length; at++) {
    vector[at % width] = (vector[at % width] as number) + (data[at] as number);
  }
  const norm = Math.hypot(...vector);
  if (!Number.isFinite(norm)) return undefined;
  return norm > 0 ? vector.map((value) => value / norm) : vector;
}

function takesTexts({ inputMetadata: [first, ...others] }: InferenceSession): boolean {
  return first?.isTensor === true && first.type === 'string' && others.length === 0;
}

function textInput({ inputMetadata: [input] }: InferenceSession): TitleInput {
  const isColumn = input?.isTensor === true && input.shape.length === 2;
  return (title) => ({
    [input?.name ?? '']: new (onnxruntime().Tensor)('string', [title], isColumn ? [1, 1] : [1]),
  });
}

const tokenInputs = ['input_ids', 'attention_mask', 'token_type_ids'] as const;

function checkTokenInputs({ inputMetadata }: InferenceSession, path: string): void {
  const names = inputMetadata.map(({ name }) => name);
  const isFed = (name: string) => (tokenInputs as readonly string[]).includes(name);
  if (names.includes('input_ids') && names.every(isFed)) {
    const odd = inputMetadata.find((each) => !each.isTensor || each.type !== 'int64');
    if (odd === undefined) return;
    throw unfit(path, `its input ${odd.name} is ${odd.isTensor ? odd.type : 'not a tensor'}, not int64`);
  }
  throw unfit(path, `its inputs are ${names.join(', ')}`);
}

function tokenInput({ inputNames }: InferenceSession, tokens: WordPiece): TitleInput {
  return (title) => {
    const ids = BigInt64Array.from(tokens.encode(title, LONGEST_TITLE), BigInt);
    const fed = {
      input_ids: ids,
      attention_mask: new BigInt64Array(ids.length).fill(1n),
      token_type_ids: new BigInt64Array(ids.length),
    };
    const feeds = tokenInputs
      .filter((name) => inputNames.includes(name))
      .map((name) => [name, new (onnxruntime().Tensor)('int64', fed[name], [1, ids.length])] as const);
    return Object.fromEntries(feeds);
  };
}

function unfit(path: string, problem: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'MR_TEXT_ENCODER_UNFIT',
    `The text encoder ${path} can't be used: ${problem}.`,
    {
      hint: 'It must take texts, or input_ids, attention_mask and token_type_ids as int64, and return vectors of titles or of their tokens.',
      ...(cause !== undefined && { cause }),
    },
  );
}
