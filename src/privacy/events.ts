import type { Pseudonyms } from './pseudonyms.ts';

/** One write of the vault serves this many events. */
const CHUNK = 5_000;

/** The same rows, each with its user's pseudonym, in their order. */
export async function* withPseudonyms<Row extends { readonly user_id: string }>(
  pseudonyms: Pseudonyms,
  rows: Iterable<Row>,
): AsyncGenerator<Row> {
  let chunk: Row[] = [];
  for (const row of rows) {
    chunk.push(row);
    if (chunk.length < CHUNK) continue;
    yield* await renamed(pseudonyms, chunk);
    chunk = [];
  }
  yield* await renamed(pseudonyms, chunk);
}

/** The same of rows that are all there. */
export async function renamed<Row extends { readonly user_id: string }>(
  pseudonyms: Pseudonyms,
  rows: readonly Row[],
): Promise<Row[]> {
  const names = await pseudonyms.pseudonymsOf(rows.map(({ user_id }) => user_id));
  return rows.map((row, i) => ({ ...row, user_id: names[i] as string }));
}
