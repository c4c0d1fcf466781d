import type { VersionContents } from '../../artifact/port.ts';
import { calibrate } from '../../calibration/calibrator.ts';
import type { RetrievalModel } from '../../model.ts';
import type { RankingRows } from '../../ranking/dataset.ts';
import type { FeatureColumn, ItemRanker, RankingQuery } from '../../ranking/port.ts';
import { type ItemScorer, openItemScorer } from '../../serving/item-scorer.ts';
import { Vocabulary } from '../../vocabulary.ts';
import { TreeScorer } from '../scorer.ts';
import { treeContributions } from '../shap.ts';
import { readTrees } from '../storage.ts';
import { scoresOfItems, scoresOfRows } from './base-scores.ts';
import { baseFile, checkColumns, readDescription, readFile, TREES_FILE } from './files.ts';

/** Errors: FatalError MR_MODEL_UNREADABLE, InputError MR_MODEL_CHECKPOINT, and those of the base models. */
export async function openTreeRanker(
  files: VersionContents,
  bases: readonly RetrievalModel[],
): Promise<ItemRanker> {
  const described = readDescription(files);
  const { inputs, views, calibrator } = described;
  const ensemble = readTrees(readFile(files, TREES_FILE));
  const { columns } = ensemble;
  checkColumns(described, bases, columns);
  const vocabularies = new SharedVocabularies();
  const scorers = await Promise.all(bases.map((base) => openBase(files, base, vocabularies)));
  const trees = new TreeScorer(ensemble);
  const codes = columns.map(
    ({ categories }) => categories && new Map(categories.map((text, code) => [text, code])),
  );
  const columnsOf = async (query: RankingQuery) => {
    const { items, columns: features } = query;
    const values: ArrayLike<number>[] = features.map((column, at) => numbered(column, codes[at]));
    values.push(...(await scoresOfItems(scorers, query)));
    // The position, the last column: all are scored as if they were shown first.
    values.push(new Float32Array(items.length));
    return values;
  };
  return {
    inputs,
    views,
    givesChances: calibrator !== null,
    async score(query) {
      const scores = new Float64Array(query.items.length);
      trees.scoreColumns(await columnsOf(query), query.items.length, scores);
      return calibrator === null ? scores : scores.map((score) => calibrate(calibrator, score));
    },
    async explain(query) {
      const own = await columnsOf(query);
      const row = Float32Array.from(own, (column) => column[0] as number);
      const { expected, values } = treeContributions(ensemble, row, 1);
      const scores = new Float64Array(1);
      trees.scoreColumns(own, 1, scores);
      const [total] = scores as unknown as [number];
      return {
        method: 'tree-shap',
        scale: calibrator === null ? 'score' : 'before calibration',
        base: expected,
        total,
        score: calibrator === null ? total : calibrate(calibrator, total),
        parts: columns.map(({ name }, at) => {
          // As they were given, where they were: trees read them in single precision, and texts by their codes.
          const value = at < inputs.length ? (query.columns[at]?.[0] ?? null) : (row[at] as number);
          const isMissing = typeof value === 'number' && Number.isNaN(value);
          return { name, value: isMissing ? null : value, contribution: values[at] as number };
        }),
      };
    },
    async close() {
      await Promise.all(scorers.map((scorer) => scorer.close()));
    },
  };
}

/** [rows]; undefined of a ranker without base models. */
export async function retrievalScores(
  files: VersionContents,
  rows: RankingRows,
  [base]: readonly RetrievalModel[],
): Promise<Float32Array | undefined> {
  return base && withBase(files, base, (scorer) => scoresOfRows(scorer, rows));
}

/** Errors: FatalError MR_MODEL_UNREADABLE, and those of the base model. */
export async function withBase<R>(
  files: VersionContents,
  base: RetrievalModel,
  use: (scorer: ItemScorer) => Promise<R>,
): Promise<R> {
  const scorer = await openBase(files, base);
  try {
    return await use(scorer);
  } finally {
    await scorer.close();
  }
}

function openBase(
  files: VersionContents,
  { name, serving }: RetrievalModel,
  vocabularies = new SharedVocabularies(),
): Promise<ItemScorer> {
  return openItemScorer(
    serving,
    (file) => readFile(files, baseFile(name, file)),
    (bytes) => vocabularies.parse(bytes),
  );
}

/** Base models that were trained together have equal vocabularies: they are held once, and ids looked up once. */
class SharedVocabularies {
  readonly #parsed: { readonly bytes: Uint8Array; readonly vocabulary: Vocabulary }[] = [];

  parse(bytes: Uint8Array): Vocabulary {
    const equal = this.#parsed.find((other) => Buffer.compare(other.bytes, bytes) === 0);
    if (equal !== undefined) return equal.vocabulary;
    const vocabulary = Vocabulary.parse(bytes);
    this.#parsed.push({ bytes, vocabulary });
    return vocabulary;
  }
}

/** Texts by their codes, -1 for one that training did not meet. */
function numbered(
  column: FeatureColumn,
  codes: ReadonlyMap<string, number> | undefined,
): Float64Array | Int32Array {
  if (column instanceof Float64Array) return column;
  const numbers = new Int32Array(column.length);
  let last: string | null = null;
  let code = -1;
  for (let i = 0; i < numbers.length; i++) {
    const text = column[i] as string | null;
    // Columns of users have one text all over.
    if (text !== last) {
      last = text;
      code = text === null ? -1 : (codes?.get(text) ?? -1);
    }
    numbers[i] = code;
  }
  return numbers;
}
