import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { ConfigurationError, errorCode } from '#platform';
import { sha256 } from '../artifact/manifest.ts';
import type { ManifestFile } from '../artifact/port.ts';
import { openGraph } from '../graph/session.ts';
import type { Vectors } from '../two-tower/data.ts';
import { WordPiece } from './word-piece.ts';

const vocabularyName = 'vocab.txt';
/** Tokens of a title that are looked at. */
const longestTitle = 64;
/** Titles in one run. */
const atOnce = 64;

/** What the titles are fed as: texts, or ids of tokens. */
type TitleInput = (titles: readonly string[]) => {
  readonly feeds: Record<string, Tensor>;
  readonly mask: Mask;
};
/** Which tokens of each title are its own: [titles, length]; undefined where the graph cuts texts up itself. */
type Mask = BigInt64Array | undefined;

/**
 * A text encoder of somebody else's, as ONNX: what sentence-transformers and optimum export of BERT and its kin, with the
 * vocab.txt of its WordPiece tokens beside it, or a graph that takes the texts themselves. Its runs block the thread.
 */
export class TitleEncoder {
  /** What it was read from, for the lineage of what is learned from it. */
  readonly files: readonly ManifestFile[];
  readonly #session: InferenceSession;
  readonly #path: string;
  readonly #input: TitleInput;

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
    const graph = await read(path);
    let session: InferenceSession;
    try {
      session = await openGraph(graph);
    } catch (cause) {
      throw unfit(path, `onnxruntime can't run it: ${(cause as Error).message}`, cause);
    }
    try {
      const files = [fileOf(path, graph)];
      if (takesTexts(session)) return new TitleEncoder(session, path, textInput(session), files);
      checkTokenInputs(session, path);
      const vocabularyPath = join(dirname(path), vocabularyName);
      const vocabulary = await read(vocabularyPath);
      const tokens = WordPiece.parse(vocabulary.toString());
      if (tokens === undefined)
        throw unfit(path, `${vocabularyName} beside it is no vocabulary of WordPiece`);
      return new TitleEncoder(session, path, tokenInput(session, tokens), [
        ...files,
        fileOf(vocabularyPath, vocabulary),
      ]);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * A vector of each title, of length 1; zeros for an empty one. Errors: ConfigurationError MR_TEXT_ENCODER_UNFIT where a
   * run fails, or gives no vectors of finite numbers.
   */
  async encode(titles: readonly string[]): Promise<Vectors> {
    const distinct = [...new Set(titles)].filter((title) => title.trim() !== '');
    // Those of like length go together, since all of a run are as long as the longest.
    distinct.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    // Without any title, the width is that of another text.
    if (distinct.length === 0) distinct.push('-');
    const places = new Map(distinct.map((title, place) => [title, place]));
    let known = new Float32Array();
    let width = 0;
    for (let from = 0; from < distinct.length; from += atOnce) {
      const some = await this.#run(distinct.slice(from, from + atOnce));
      if (from === 0) {
        width = some.width;
        known = new Float32Array(distinct.length * width);
      }
      if (some.width !== width) throw unfit(this.#path, `it gives vectors of ${width} and of ${some.width}`);
      known.set(some.values, from * width);
    }
    const vectors = new Float32Array(titles.length * width);
    titles.forEach((title, row) => {
      const place = places.get(title);
      if (place !== undefined) vectors.set(known.subarray(place * width, (place + 1) * width), row * width);
    });
    return { width, values: vectors };
  }

  /** Frees the native session. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(titles: readonly string[]): Promise<Vectors> {
    const { outputNames } = this.#session;
    const name = outputNames.find((each) => each === 'sentence_embedding') ?? (outputNames[0] as string);
    const { feeds, mask } = this.#input(titles);
    let output: Tensor | undefined;
    try {
      output = (await this.#session.run(feeds, [name]))[name];
    } catch (cause) {
      throw unfit(
        this.#path,
        `a run over ${titles.length} titles failed: ${(cause as Error).message}`,
        cause,
      );
    }
    const pooled =
      output?.data instanceof Float32Array && pool(output.data, output.dims, titles.length, mask);
    if (pooled) return pooled;
    throw unfit(
      this.#path,
      `its output ${name} is ${output?.type} [${output?.dims.join(', ')}] for ${titles.length} titles`,
    );
  }
}

/** The mean over each title's tokens, at length 1; undefined for what is no vectors of numbers. */
function pool(data: Float32Array, dims: readonly number[], count: number, mask: Mask): Vectors | undefined {
  const width = dims.at(-1) ?? 0;
  const length = dims.length === 2 ? 1 : (dims[1] ?? 0);
  const isMasked = dims.length === 3 && mask !== undefined && mask.length === count * length;
  if (dims[0] !== count || width === 0 || !(dims.length === 2 || isMasked)) return undefined;
  const vectors = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * width, (row + 1) * width);
    for (let token = 0, at = row * length; token < length; token++, at++) {
      if (isMasked && mask[at] === 0n) continue;
      for (let d = 0; d < width; d++) vector[d] = (vector[d] as number) + (data[at * width + d] as number);
    }
    const norm = Math.hypot(...vector);
    if (!Number.isFinite(norm)) return undefined;
    if (norm > 0) for (let d = 0; d < width; d++) vector[d] = (vector[d] as number) / norm;
  }
  return { width, values: vectors };
}

function takesTexts({ inputMetadata: [first, ...others] }: InferenceSession): boolean {
  return first?.isTensor === true && first.type === 'string' && others.length === 0;
}

function textInput({ inputMetadata: [input] }: InferenceSession): TitleInput {
  const isColumn = input?.isTensor === true && input.shape.length === 2;
  return (titles) => {
    const shape = isColumn ? [titles.length, 1] : [titles.length];
    return { feeds: { [input?.name ?? '']: new Tensor('string', [...titles], shape) }, mask: undefined };
  };
}

const tokenInputs = ['input_ids', 'attention_mask', 'token_type_ids'] as const;

function checkTokenInputs({ inputMetadata }: InferenceSession, path: string): void {
  const names = inputMetadata.map(({ name }) => name);
  const isFed = (name: string) => (tokenInputs as readonly string[]).includes(name);
  if (names.includes('input_ids') && names.every(isFed)) {
    const odd = inputMetadata.find((each) => !each.isTensor || each.type !== 'int64');
    if (odd === undefined) return;
    throw unfit(path, `its input ${odd.name} is ${odd.isTensor ? odd.type : 'no tensor'}, not int64`);
  }
  throw unfit(path, `its inputs are ${names.join(', ')}`);
}

function tokenInput({ inputNames }: InferenceSession, tokens: WordPiece): TitleInput {
  return (titles) => {
    const encoded = titles.map((title) => tokens.encode(title, longestTitle));
    const length = Math.max(...encoded.map((ids) => ids.length));
    const ids = new BigInt64Array(titles.length * length).fill(BigInt(tokens.padding));
    const mask = new BigInt64Array(ids.length);
    encoded.forEach((own, row) => {
      ids.set(own.map(BigInt), row * length);
      mask.fill(1n, row * length, row * length + own.length);
    });
    const fed = { input_ids: ids, attention_mask: mask, token_type_ids: new BigInt64Array(ids.length) };
    const feeds = tokenInputs
      .filter((name) => inputNames.includes(name))
      .map((name) => [name, new Tensor('int64', fed[name], [titles.length, length])] as const);
    return { feeds: Object.fromEntries(feeds), mask };
  };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ConfigurationError(
      'MR_TEXT_ENCODER_MISSING',
      `The text encoder's file ${path} can't be read: ${errorCode(cause)}.`,
      {
        hint: `Set training.textEncoder to an ONNX file, with the ${vocabularyName} of its tokens beside it.`,
        cause,
      },
    );
  }
}

function fileOf(path: string, bytes: Uint8Array): ManifestFile {
  return { name: basename(path), bytes: bytes.byteLength, sha256: sha256(bytes) };
}

function unfit(path: string, problem: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'MR_TEXT_ENCODER_UNFIT',
    `The text encoder ${path} can't be used: ${problem}.`,
    {
      hint: 'It takes texts, or input_ids, attention_mask and token_type_ids, as int64, and gives vectors of titles or of their tokens; its weights are inside of the file.',
      ...(cause !== undefined && { cause }),
    },
  );
}
