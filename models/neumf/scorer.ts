import { type Feed, Session } from '../graph/session.ts';

/** Users or items as the network's head reads them; the last row is that of whoever is not known. */
export type SideRows = {
  readonly rows: number;
  /** [rows, F] */
  readonly factors: Float32Array;
  /** [rows, H] */
  readonly hidden: Float32Array;
};

export type TrainedNeuMf = {
  readonly users: SideRows;
  readonly items: SideRows;
  /** ONNX file: see `headOnnx`. */
  readonly head: Uint8Array;
};

/** Scores items for users by a trained model. Its runs block the thread. */
export class NeuMfScorer {
  readonly #trained: TrainedNeuMf;
  readonly #session: Session;

  private constructor(trained: TrainedNeuMf, session: Session) {
    this.#trained = trained;
    this.#session = session;
  }

  /** MR_MODEL_UNREADABLE when the head is damaged or something else. */
  static async load(trained: TrainedNeuMf): Promise<NeuMfScorer> {
    return new NeuMfScorer(trained, await Session.create(trained.head));
  }

  /**
   * Logits, [candidates]: higher is better. Ids that training did not know, of the user and of items, score as the unknown
   * user and item do.
   */
  async score(user: number, candidates: Int32Array): Promise<Float32Array> {
    if (candidates.length === 0) return new Float32Array();
    const { users, items } = this.#trained;
    const own = Int32Array.of(user);
    const { score } = await this.#session.run({
      'user factors': feedOf(users.factors, users.rows, own),
      'user hidden': feedOf(users.hidden, users.rows, own),
      'item factors': feedOf(items.factors, items.rows, candidates),
      'item hidden': feedOf(items.hidden, items.rows, candidates),
    });
    return score as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

function feedOf(table: Float32Array, rows: number, ids: Int32Array): Feed {
  const width = table.length / rows;
  const data = new Float32Array(ids.length * width);
  ids.forEach((id, i) => {
    const row = id >= 0 && id < rows ? id : rows - 1;
    data.set(table.subarray(row * width, (row + 1) * width), i * width);
  });
  return { data, shape: [ids.length, width] };
}
