import { InputError } from '#platform';
import { type Feed, Session } from '../graph/session.ts';
import { EmbeddingSums } from '../optimise/embedding-bags.ts';
import { checkRows, type Head, type Rows } from './data.ts';
import { normalised, normalisedWidth, type Scale } from './normalisation.ts';
import type { SideName } from './parameters.ts';
import type { RevenueScale } from './targets.ts';
import { sigmoid } from './validation.ts';

/** How the rows of a side are read. */
export type TrainedSide = {
  readonly scales: readonly Scale[];
  /** For each sparse feature. */
  readonly cardinalities: readonly number[];
};

export type TrainedDlrm = {
  /** Length of the embeddings. */
  readonly dim: number;
  readonly heads: readonly Head[];
  readonly sides: Readonly<Record<'user' | 'item', TrainedSide>> & { readonly candidate?: TrainedSide };
  /** Features of users, then those of items and of candidates: [sum of the cardinalities, dim]. */
  readonly embeddings: Float32Array;
  /** `deviation` is that of a log-normal amount's logarithm. */
  readonly revenue: RevenueScale & { readonly deviation: number };
  /** ONNX files: see `itemOnnx` and `requestOnnx`. */
  readonly itemSide: Uint8Array;
  readonly request: Uint8Array;
};

/** By head, each [candidates]: probabilities of a click, of a conversion of a click, and the mean revenue of a conversion. */
export type Predictions = Partial<Readonly<Record<Head, Float32Array>>>;

/** What of items does not depend on users: vectors [count, NI, D], and their part of the first layer [count, H]. */
export type ItemSides = {
  readonly count: number;
  readonly vectors: Float32Array;
  readonly first: Float32Array;
};

/** Items whose side is computed at a time. */
const ITEMS_AT_ONCE = 1024;

/** Scores items for users by a trained model. Its runs block the thread. */
export class DlrmScorer {
  readonly #trained: TrainedDlrm;
  readonly #sums: EmbeddingSums;
  readonly #itemSide: Session;
  readonly #request: Session;
  /** What `prepare` has computed. */
  #items: ItemSides;

  private constructor(trained: TrainedDlrm, itemSide: Session, request: Session) {
    const { user, item, candidate } = trained.sides;
    const cardinalities = [user, item, candidate].flatMap((side) => side?.cardinalities ?? []);
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
   * call. Errors: those of `itemSides`.
   */
  async prepare(items: Rows): Promise<void> {
    this.#items = await this.itemSides(items);
  }

  /** What of the items does not depend on users. Rows that do not fit the model are MR_MODEL_INPUT or MR_MODEL_DATA. */
  async itemSides(items: Rows): Promise<ItemSides> {
    const { item, user } = this.#trained.sides;
    checkFit('items', items, item);
    const { count } = items;
    const parts: { vectors: Float32Array; first: Float32Array }[] = [];
    for (let from = 0; from < count; from += ITEMS_AT_ONCE) {
      const rows = Int32Array.from({ length: Math.min(ITEMS_AT_ONCE, count - from) }, (_, i) => from + i);
      const outputs = await this.#itemSide.run(
        this.#feedsOf('item', items, rows, { side: item, firstFeature: user.cardinalities.length }),
      );
      parts.push(outputs as { vectors: Float32Array; first: Float32Array });
    }
    return {
      count,
      vectors: joined(parts.map(({ vectors }) => vectors)),
      first: joined(parts.map(({ first }) => first)),
    };
  }

  /**
   * Predictions for a user, one row, and the candidates, which are rows of the items that `prepare` was given; `shown` has
   * a row for each candidate, for a model of such features. Rows that do not fit the model are MR_MODEL_DATA or
   * MR_MODEL_INPUT, as are candidates that there are not.
   */
  async score(user: Rows, candidates: Int32Array, shown?: Rows): Promise<Predictions> {
    const { count, vectors, first } = this.#items;
    const missing = candidates.find((item) => item < 0 || item >= count);
    if (missing !== undefined) throw unfit(`candidate ${missing} is not one of the ${count} items`);
    const items = {
      count: candidates.length,
      vectors: count === 0 ? vectors : rowsOf(vectors, vectors.length / count, candidates),
      first: count === 0 ? first : rowsOf(first, first.length / count, candidates),
    };
    return this.predictions(await this.outputs(user, items, shown), candidates.length);
  }

  /** What the heads come to, before they are predictions, [candidates, heads]. Errors as in `score`. */
  async outputs(user: Rows, items: ItemSides, shown?: Rows): Promise<Float32Array> {
    const { dim, sides } = this.#trained;
    checkFit('user', user, sides.user);
    if (user.count !== 1) throw unfit(`there are ${user.count} users in one request`);
    if ((shown === undefined) !== (sides.candidate === undefined)) {
      throw unfit('features of candidates are given for a model without them, or missing');
    }
    const { count, vectors, first } = items;
    if (shown !== undefined && sides.candidate !== undefined) {
      checkFit('candidates', shown, sides.candidate);
      if (shown.count !== count) throw unfit(`there are ${shown.count} candidates and ${count} items`);
    }
    if (count === 0) return new Float32Array();
    const all = Int32Array.from({ length: count }, (_, row) => row);
    const firstFeature = sides.user.cardinalities.length + sides.item.cardinalities.length;
    const outputs = await this.#request.run({
      ...this.#feedsOf('user', user, Int32Array.of(0), { side: sides.user, firstFeature: 0 }),
      'item vectors': { data: vectors, shape: [count, vectors.length / count / dim, dim] },
      'item first': { data: first, shape: [count, first.length / count] },
      ...(shown !== undefined &&
        sides.candidate !== undefined &&
        this.#feedsOf('candidate', shown, all, { side: sides.candidate, firstFeature })),
    });
    return outputs.heads as Float32Array;
  }

  #feedsOf(
    name: SideName,
    { dense, sparse }: Rows,
    rows: Int32Array,
    { side, firstFeature }: { readonly side: TrainedSide; readonly firstFeature: number },
  ): Record<string, Feed> {
    return {
      [`${name} dense`]: {
        data: normalised(dense, side.scales, rows),
        shape: [rows.length, normalisedWidth(dense.width)],
      },
      [`${name} sums`]: this.#sums.feed(sparse, firstFeature, rows),
    };
  }

  async close(): Promise<void> {
    await this.#itemSide.close();
    await this.#request.close();
  }

  /** By the results of `outputs` for this many candidates. */
  predictions(outputs: Float32Array, count: number): Predictions {
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

/** The mean, which for a log-normal amount lies above the median by half of the variance of the logarithm. */
function amountOf(output: number, { isLog, mean, scale, deviation }: TrainedDlrm['revenue']): number {
  const learned = mean + scale * output;
  return isLog ? Math.exp(learned + deviation ** 2 / 2) : learned;
}

function checkFit(name: string, rows: Rows, { scales, cardinalities }: TrainedSide): void {
  const own = rows.sparse.map(({ cardinality }) => cardinality);
  if (rows.dense.width !== scales.length || own.join() !== cardinalities.join()) {
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

export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
