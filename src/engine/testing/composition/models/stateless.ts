import type { Model, Row } from '../model.ts';

/** Any number of rows for each row. */
export function statelessModel(apply: (row: Row) => readonly Row[]): Model {
  return {
    record: (row, _watermark, emit) => {
      for (const made of apply(row)) emit(made);
    },
  };
}

/** Another value for each row, or for each but tombstones. */
export function mapModel(apply: (value: string) => string | null): Model {
  return statelessModel((row) => [{ ...row, value: row.value === null ? null : apply(row.value) }]);
}

/** The last row of each key of every commit, under the key's place in the order of its last change. */
export function lastPerCommitModel(): Model {
  const last = new Map<string, Row>();
  return {
    record: (row) => {
      const id = idOf(row);
      last.delete(id);
      last.set(id, row);
    },
    commit: (emit) => {
      for (const row of last.values()) emit(row);
      last.clear();
    },
  };
}

/** Lets out what one record of the source has led to when that is over, by rank. */
export function byRankModel(rankOf: (row: Row) => number): Model {
  let rows: Row[] = [];
  return {
    record: (row) => {
      rows.push(row);
    },
    commit: (emit) => {
      for (const row of rows.toSorted((a, b) => rankOf(a) - rankOf(b))) emit(row);
      rows = [];
    },
  };
}

/** Drops a row that says what its key's row said before. */
export function distinctModel(): Model {
  const known = new Map<string, string>();
  return {
    record: (row, _watermark, emit) => {
      const said = `${row.value} ${row.timestamp}`;
      if (known.get(row.key) === said) return;
      known.set(row.key, said);
      emit(row);
    },
  };
}

/** A row's key with its window. */
export const idOf = ({ key, span }: Row): string =>
  span === undefined ? key : `${key}@${span.startMs}-${span.endMs}`;
