import { access, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigurationError, errorCode } from '#platform';
import { sha256 } from '../artifact/manifest.ts';
import type { ManifestFile } from '../artifact/port.ts';
import type { ExternalData } from '../graph/session.ts';
import { WordPiece } from './word-piece.ts';

const VOCABULARY_NAME = 'vocab.txt';
const TOKENIZER_NAME = 'tokenizer.json';

/** An ONNX file, the weights that it keeps beside it, and what all of them were when they were read. */
export type GraphFiles = {
  readonly graph: Buffer;
  readonly weights: readonly ExternalData[];
  readonly files: readonly ManifestFile[];
};

/** Errors: ConfigurationError MR_TEXT_ENCODER_MISSING. */
export async function readGraph(path: string): Promise<GraphFiles> {
  const graph = await read(path);
  const names = externalNames(graph);
  const weights = await Promise.all(
    names.map(async (name) => ({ path: name, data: await read(join(dirname(path), basename(name))) })),
  );
  const files = [
    fileOf(basename(path), graph),
    ...weights.map(({ path: name, data }) => fileOf(basename(name), data)),
  ];
  return { graph, weights, files };
}

/** The tokenizer beside a graph; undefined where what is there is none of BERT's. Errors: as readGraph. */
export async function readTokenizer(
  path: string,
): Promise<{ readonly tokens: WordPiece | undefined; readonly file: ManifestFile }> {
  const beside = (name: string) => join(dirname(path), name);
  const vocabulary = await readFile(beside(VOCABULARY_NAME)).catch(() => undefined);
  if (vocabulary !== undefined) {
    return {
      tokens: WordPiece.ofVocabulary(vocabulary.toString()),
      file: fileOf(VOCABULARY_NAME, vocabulary),
    };
  }
  const tokenizer = await read(beside(TOKENIZER_NAME));
  return { tokens: WordPiece.ofTokenizer(tokenizer.toString()), file: fileOf(TOKENIZER_NAME, tokenizer) };
}

/** Whether an encoder's files are there, without reading them. Errors: as readGraph. */
export async function requireEncoderFiles(path: string): Promise<void> {
  const beside = (name: string) => join(dirname(path), name);
  await access(path).catch((cause: unknown) => Promise.reject(missing(path, cause)));
  try {
    await Promise.any([VOCABULARY_NAME, TOKENIZER_NAME].map((name) => access(beside(name))));
  } catch (error) {
    throw missing(beside(TOKENIZER_NAME), (error as AggregateError).errors.at(-1));
  }
}

/** The key of an entry of `TensorProto.external_data`, followed by the tag of its value. */
const location = Buffer.from('\n\x08location\x12', 'latin1');

/**
 * The files that tensors of a graph lie in, as PyTorch's exporter writes them unless it is told otherwise. Found by the bytes
 * of their entries, each a string shorter than 128 bytes behind its length, so that nothing has to read all of ONNX.
 */
function externalNames(graph: Buffer): string[] {
  const names = new Set<string>();
  for (let at = graph.indexOf(location); at >= 0; at = graph.indexOf(location, at + 1)) {
    const start = at + location.length + 1;
    names.add(graph.toString('utf8', start, start + (graph[start - 1] ?? 0)));
  }
  return [...names].sort();
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw missing(path, cause);
  }
}

function missing(path: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(
    'MR_TEXT_ENCODER_MISSING',
    `The text encoder's file ${path} can't be read: ${errorCode(cause)}.`,
    {
      hint: `Set training.textEncoder to an ONNX file, with the ${TOKENIZER_NAME} or ${VOCABULARY_NAME} of its tokens beside it.`,
      cause,
    },
  );
}

function fileOf(name: string, bytes: Uint8Array): ManifestFile {
  return { name, bytes: bytes.byteLength, sha256: sha256(bytes) };
}
