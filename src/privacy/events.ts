import type { Pseudonyms } from './pseudonyms.ts';

/** One write of the vault serves so many events. */
const CHUNK = 5_000;

/** The same rows, each with its user's pseudonym, in their order. */
export function* withPseudonyms<Row extends { readonly user_id: string }>(
  pseudonyms: Pseudonyms,
  rows: Iterable<Row>,
): Generator<Row> {
  let chunk: Row[] = [];
  for (const row of rows) {
    chunk.push(row);
    if (chunk.length < CHUNK) continue;
    yield* renamed(pseudonyms, chunk);
    chunk = [];
  }
  yield* renamed(pseudonyms, chunk);
}

function* renamed<Row extends { readonly user_id: string }>(
  pseudonyms: Pseudonyms,
  rows: readonly Row[],
): Generator<Row> {
  const names = pseudonyms.pseudonymsOf(rows.map(({ user_id }) => user_id));
  for (const [i, row] of rows.entries()) yield { ...row, user_id: names[i] as string };
}
