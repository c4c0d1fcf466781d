/** Ids, and their vectors one after another. */
export type Rows = { readonly ids: Int32Array; readonly vectors: Float32Array };

/** Room for this many rows more than expected, as a share: lists grow while they are copied. */
const SPARE = 1 / 8;
const LEAST_ROWS = 1024;

/**
 * Rows for another thread, in one piece of shared memory if they are not many more than expected: a piece for each list would take
 * milliseconds to send. The system hands out its pages as they are written.
 */
export class RowCopies {
  readonly #dim: number;
  readonly #rowsOfPiece: number;
  readonly #pieces: { readonly rows: Rows; used: number }[] = [];

  constructor(dim: number, expected: number) {
    this.#dim = dim;
    this.#rowsOfPiece = Math.max(LEAST_ROWS, Math.ceil(expected * (1 + SPARE)));
  }

  /** Room for rows that follow each other, to be written. */
  add(count: number): Rows {
    let piece = this.#pieces.at(-1);
    if (piece === undefined || piece.used + count > piece.rows.ids.length) {
      const rows = Math.max(count, this.#rowsOfPiece);
      const [ids, numbers] = [rows, rows * this.#dim].map((length) => new SharedArrayBuffer(length * 4)) as [
        SharedArrayBuffer,
        SharedArrayBuffer,
      ];
      piece = { rows: { ids: new Int32Array(ids), vectors: new Float32Array(numbers) }, used: 0 };
      this.#pieces.push(piece);
    }
    const { rows, used } = piece;
    piece.used += count;
    return this.#part(rows, used, piece.used);
  }

  pieces(): readonly Rows[] {
    return this.#pieces.map(({ rows, used }) => this.#part(rows, 0, used));
  }

  #part({ ids, vectors }: Rows, from: number, to: number): Rows {
    return { ids: ids.subarray(from, to), vectors: vectors.subarray(from * this.#dim, to * this.#dim) };
  }
}
