import type { Asking, FeatureColumn, RankingQuery } from '#models';

type PackedQuery = {
  readonly asking: Asking;
  readonly items: readonly string[];
  /** For each column that is a text: the texts that it has, each once; its numbers say which, from 1, and 0 for none. */
  readonly texts: readonly (readonly string[] | null)[];
};

/** Queries as they go to another thread. */
export type PackedQueries = {
  /** The columns of all queries, one after another, in shared memory. */
  readonly numbers: Float64Array;
  readonly queries: readonly PackedQuery[];
};

/**
 * Writes queries into memory that is shared with the thread that answers them. Cloning sixty columns takes longer than ranking
 * by them. What `pack` gives holds until the next call.
 */
export class QueryPacker {
  #numbers = new Float64Array(new SharedArrayBuffer(0));

  pack(queries: readonly RankingQuery[]): PackedQueries {
    const length = queries.reduce((sum, { columns, items }) => sum + columns.length * items.length, 0);
    if (length > this.#numbers.length) {
      this.#numbers = new Float64Array(new SharedArrayBuffer(2 * length * Float64Array.BYTES_PER_ELEMENT));
    }
    const numbers = this.#numbers;
    let at = 0;
    const packed = queries.map(({ asking, items, columns }) => {
      const texts = columns.map((column) => {
        const own = column instanceof Float64Array ? null : numberTexts(column, numbers, at);
        if (column instanceof Float64Array) numbers.set(column, at);
        at += items.length;
        return own;
      });
      return { asking, items, texts };
    });
    return { numbers, queries: packed };
  }
}

/** Their columns of numbers are views of the shared memory. */
export function unpackQueries({ numbers, queries }: PackedQueries): RankingQuery[] {
  let at = 0;
  return queries.map(({ asking, items, texts }) => ({
    asking,
    items,
    columns: texts.map((own): FeatureColumn => {
      const column = numbers.subarray(at, at + items.length);
      at += items.length;
      return own === null ? column : Array.from(column, (number) => own[number - 1] ?? null);
    }),
  }));
}

function numberTexts(column: readonly (string | null)[], into: Float64Array, from: number): string[] {
  const texts: string[] = [];
  const numbers = new Map<string | null, number>([[null, 0]]);
  for (let i = 0; i < column.length; i++) {
    const text = column[i] as string | null;
    let number = numbers.get(text);
    if (number === undefined) {
      number = texts.push(text as string);
      numbers.set(text, number);
    }
    into[from + i] = number;
  }
  return texts;
}
