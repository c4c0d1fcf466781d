/** A window that a row's key carries until the row is flattened to a key of text. */
export type Span = {
  readonly startMs: number;
  readonly endMs: number;
  /** The watermark from which on the row changes no more. */
  readonly closesAtMs: number;
};

/** A record between two operators; a value of null removes the key's row where it is read as a table's. */
export type Row = {
  readonly key: string;
  readonly value: string | null;
  readonly timestamp: number;
  readonly span?: Span;
};

/** Thrown by a model that is brought to where the documents leave the result open. */
export class Unspecified extends Error {}

export type Emit = (row: Row) => void;

/**
 * An operator as the documents define it, by brute force: it keeps whatever it has seen and looks all of it over. It takes
 * records under the watermark before them, then the watermark.
 */
export interface Model {
  /** A record of the operator's first input, or of its second one. */
  record(row: Row, watermark: number, emit: Emit, fromSide: boolean): void;
  /** The watermark has come to `watermark`: emits what is due by it, in the order of (due, key). */
  advance?(watermark: number, emit: Emit): void;
  /** A record of the source is over, and committed: emits what waits for that. */
  commit?(emit: Emit): void;
  /** A bound from below of the timestamps of all results that are pending: the output watermark stays at it. */
  hold?(): number;
}

/** A record that a chain's source reads: for the first operator's main input, 0, or for the second input of operator 1, 2, … */
export type Tagged = readonly [to: number, key: string, value: string | null, timestamp: number];

type Stage = { readonly model: Model; input: number; output: number };

/**
 * A chain of models. Each stage's watermark is what has left the stage before it: the least of what came in and what is
 * held, and never less than before.
 */
export class ModelChain {
  /** The stages of each operator, one after the other. */
  readonly #stages: Stage[] = [];
  /** Where an operator's second input comes in, by the operator. */
  readonly #sides: number[] = [];
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(operators: readonly (readonly Model[])[]) {
    for (const models of operators) {
      this.#sides.push(this.#stages.length);
      for (const model of models) this.#stages.push({ model, input: -Infinity, output: -Infinity });
    }
  }

  /** What one record makes come out when it is committed by itself. */
  take([to, key, value, timestamp]: Tagged): Row[] {
    const rows: Row[] = [];
    const row = { key, value, timestamp };
    if (to === 0) this.#deliver(0, row, false, rows);
    else this.#deliver(this.#sides[to - 1] as number, row, true, rows);
    return [...rows, ...this.advance(timestamp)];
  }

  /** What comes out when event time goes on to `watermark`. */
  advance(watermark: number): Row[] {
    const rows: Row[] = [];
    this.#watermark = Math.max(this.#watermark, watermark);
    let reached = this.#watermark;
    for (const [i, stage] of this.#stages.entries()) {
      const emit: Emit = (row) => this.#deliver(i + 1, row, false, rows);
      stage.input = Math.max(stage.input, reached);
      stage.model.advance?.(stage.input, emit);
      stage.model.commit?.(emit);
      const held = stage.model.hold?.() ?? Number.POSITIVE_INFINITY;
      stage.output = Math.max(stage.output, Math.min(stage.input, held));
      reached = stage.output;
    }
    return rows;
  }

  #deliver(at: number, row: Row, fromSide: boolean, rows: Row[]): void {
    const stage = this.#stages[at];
    if (stage === undefined) {
      rows.push(row);
      return;
    }
    const emit: Emit = (made) => this.#deliver(at + 1, made, false, rows);
    stage.model.record(row, stage.input, emit, fromSide);
    // What it has set for a time that the watermark has passed already.
    stage.model.advance?.(stage.input, emit);
  }
}
