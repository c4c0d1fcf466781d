import { InputError } from '#platform';
import { Session } from '../graph/session.ts';
import { EmbeddingSums } from '../optimise/embedding-bags.ts';
import { checkRows, type Head, type Rows } from './data.ts';
import { normalised, normalisedWidth, type Scale } from './normalisation.ts';
import type { RevenueScale } from './targets.ts';
import { sigmoid } from './validation.ts';

export type TrainedDlrm = {
  /** Length of the embeddings. */
  readonly dim: number;
  readonly heads: readonly Head[];
  readonly userScales: readonly Scale[];
  readonly itemScales: readonly Scale[];
  readonly userCardinalities: readonly number[];
  readonly itemCardinalities: readonly number[];
  /** Of the features of users, then of items: [sum of the cardinalities, dim]. */
  readonly embeddings: Float32Array;
  /** `deviation` is that of a log-normal amount's logarithm. */
  readonly revenue: RevenueScale & { readonly deviation: number };
  /** ONNX files: see `itemOnnx` and `requestOnnx`. */
  readonly itemSide: Uint8Array;
  readonly request: Uint8Array;
};

/** By head, each [candidates]: probabilities of a click, of a conversion of a click, and the mean revenue of a conversion. */
export type Predictions = Partial<Readonly<Record<Head, Float32Array>>>;

/** Items whose side is computed at a time. */
const ITEMS_AT_ONCE = 1024;

/** Scores items for users by a trained model. Its runs block the thread. */
export class DlrmScorer {
  readonly #trained: TrainedDlrm;
  readonly #sums: EmbeddingSums;
  readonly #itemSide: Session;
  readonly #request: Session;
  /** What `prepare` has computed: [items, NI, D] and [items, H]. */
  #items: { readonly count: number; readonly vectors: Float32Array; readonly first: Float32Array };

  private constructor(trained: TrainedDlrm, itemSide: Session, request: Session) {
    const cardinalities = [...trained.userCardinalities, ...trained.itemCardinalities];
    this.#trained = trained;
    this.#sums = new EmbeddingSums(cardinalities, trained.dim, trained.embeddings);
    this.#itemSide = itemSide;
    this.#request = request;
    this.#items = { count: 0, vectors: new Float32Array(), first: new Float32Array() };
  }

  /** MR_MODEL_UNREADABLE when a graph is damaged or something else. */
  static async load(trained: TrainedDlrm): Promise<DlrmScorer> {
    const itemSide = await Session.create(trained.itemSide);
    try {
      return new DlrmScorer(trained, itemSide, await Session.create(trained.request));
    } catch (error) {
      await itemSide.close();
      throw error;
    }
  }

  /**
   * Computes what of the items does not depend on users, once for all requests to come; replaces the items of an earlier
   * call. Rows that do not fit the model, or hold infinite numbers, are MR_MODEL_DATA or MR_MODEL_INPUT.
   */
  async prepare(items: Rows): Promise<void> {
    const { itemScales, itemCardinalities, userCardinalities } = this.#trained;
    checkFit('items', items, itemScales.length, itemCardinalities);
    const { count, dense, sparse } = items;
    const parts: { vectors: Float32Array; first: Float32Array }[] = [];
    for (let from = 0; from < count; from += ITEMS_AT_ONCE) {
      const length = Math.min(ITEMS_AT_ONCE, count - from);
      const rows = Int32Array.from({ length }, (_, i) => from + i);
      const outputs = await this.#itemSide.run({
        'item dense': {
          data: normalised(dense, itemScales, rows),
          shape: [length, normalisedWidth(dense.width)],
        },
        'item sums': this.#sums.feed(sparse, userCardinalities.length, rows),
      });
      parts.push(outputs as { vectors: Float32Array; first: Float32Array });
    }
    this.#items = {
      count,
      vectors: joined(parts.map(({ vectors }) => vectors)),
      first: joined(parts.map(({ first }) => first)),
    };
  }

  /**
   * Predictions for a user, one row, and the candidates, which are rows of the items that `prepare` was given. Rows that do
   * not fit the model are MR_MODEL_DATA or MR_MODEL_INPUT, as are candidates that there are not.
   */
  async score(user: Rows, candidates: Int32Array): Promise<Predictions> {
    const { dim, heads, userScales, userCardinalities } = this.#trained;
    checkFit('user', user, userScales.length, userCardinalities);
    if (user.count !== 1) throw unfit(`there are ${user.count} users in one request`);
    const { count, vectors, first } = this.#items;
    const missing = candidates.find((item) => item < 0 || item >= count);
    if (missing !== undefined) throw unfit(`candidate ${missing} is not one of the ${count} items`);
    if (candidates.length === 0) {
      return Object.fromEntries(heads.map((head) => [head, new Float32Array()]));
    }
    const [vectorsWidth, firstWidth] = [vectors.length / count, first.length / count];
    const rows = Int32Array.of(0);
    const outputs = await this.#request.run({
      'user dense': {
        data: normalised(user.dense, userScales, rows),
        shape: [1, normalisedWidth(user.dense.width)],
      },
      'user sums': this.#sums.feed(user.sparse, 0, rows),
      'item vectors': {
        data: rowsOf(vectors, vectorsWidth, candidates),
        shape: [candidates.length, vectorsWidth / dim, dim],
      },
      'item first': {
        data: rowsOf(first, firstWidth, candidates),
        shape: [candidates.length, firstWidth],
      },
    });
    return this.#predictions(outputs.heads as Float32Array, candidates.length);
  }

  async close(): Promise<void> {
    await this.#itemSide.close();
    await this.#request.close();
  }

  #predictions(outputs: Float32Array, count: number): Predictions {
    const { heads, revenue } = this.#trained;
    return Object.fromEntries(
      heads.map((head, place) => {
        const of = head === 'revenue' ? (output: number) => amountOf(output, revenue) : sigmoid;
        return [
          head,
          Float32Array.from({ length: count }, (_, i) => of(outputs[i * heads.length + place] as number)),
        ];
      }),
    );
  }
}

/** The mean: of a log-normal amount it lies above the median by half of the variance of the logarithm. */
function amountOf(output: number, { isLog, mean, scale, deviation }: TrainedDlrm['revenue']): number {
  const learned = mean + scale * output;
  return isLog ? Math.exp(learned + deviation ** 2 / 2) : learned;
}

function checkFit(name: string, rows: Rows, dense: number, cardinalities: readonly number[]): void {
  const own = rows.sparse.map(({ cardinality }) => cardinality);
  if (rows.dense.width !== dense || own.join() !== cardinalities.join()) {
    throw unfit(`${name} have ${rows.dense.width} dense features, and sparse ones of ${own.join(', ')} ids`);
  }
  checkRows(name, rows);
}

function unfit(message: string): InputError {
  return new InputError('MR_MODEL_INPUT', message, {
    hint: 'Encode the rows as those that the model was trained on, and prepare the items first.',
  });
}

function rowsOf(table: Float32Array, width: number, rows: Int32Array): Float32Array {
  const chosen = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    chosen.set(table.subarray(row * width, (row + 1) * width), i * width);
  });
  return chosen;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
