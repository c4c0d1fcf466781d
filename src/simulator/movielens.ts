import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { InputError } from '#platform';
import type { Interaction, Item, User } from '#schemas';
import { genresOf, parseItem, parseRating, parseUser, type RatingRow } from './movielens-rows.ts';

/** A row that could not be read: counted, reported, and left out. */
export type MalformedRow = {
  readonly file: string;
  /** Counted from 1, the header line included. */
  readonly line: number;
  readonly text: string;
  readonly reason: string;
};

/** MovieLens 100K as events and tables. */
export type MovieLens = {
  /** ms since the epoch, just before the first rating: when users and items were there. */
  readonly tablesAt: number;
  readonly ratingCount: number;
  users(): readonly User[];
  items(): readonly Item[];
  /**
   * Ratings in order of time, then of user and item. `nameOf` gives what a user is to be called, in the ids of events too;
   * by default what the data set calls them.
   */
  ratings(nameOf?: (userId: string) => string): Generator<Interaction>;
  readonly malformed: readonly MalformedRow[];
};

const EXPECTED =
  'Expected a MovieLens 100K directory: u.data (user TAB item TAB rating TAB seconds), u.item and u.user ' +
  '("|" between fields), each plain or gzipped (u.data.gz).';

/**
 * Reads a MovieLens 100K directory whole (about 2 MB). Files may be gzipped, in UTF-8 or Latin-1, with or without a
 * header line.
 *
 * @throws InputError MR_IMPORT_NOT_MOVIELENS when a file is missing, or when nine in ten of its rows are malformed.
 */
export async function openMovieLens(directory: string): Promise<MovieLens> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw notMovieLens(directory, 'it is not a directory that can be read', cause);
  });
  const [data, item, user] = await Promise.all([
    readLines(directory, names, 'u.data'),
    readLines(directory, names, 'u.item'),
    readLines(directory, names, 'u.user'),
  ]);
  const malformed: MalformedRow[] = [];
  const ratings = parseRows(directory, data, malformed, parseRating);
  ratings.sort(inEventTime);
  const tablesAt = (ratings[0] as RatingRow).timestampMs - 1000;
  const users = parseRows(
    directory,
    user,
    malformed,
    unique(parseUser, (row) => row.user_id, tablesAt),
  );
  const genres = genresOf(item.header);
  const readItem = (line: string) => parseItem(line, genres, tablesAt);
  const items = parseRows(
    directory,
    item,
    malformed,
    unique(readItem, (row) => row.item_id, tablesAt),
  );
  return {
    tablesAt,
    ratingCount: ratings.length,
    users: () => users,
    items: () => items,
    ratings: (nameOf = (userId) => userId) => interactions(ratings, nameOf),
    malformed,
  };
}

function inEventTime(left: RatingRow, right: RatingRow): number {
  return left.timestampMs - right.timestampMs || left.user - right.user || left.item - right.item;
}

function* interactions(
  ratings: readonly RatingRow[],
  nameOf: (userId: string) => string,
): Generator<Interaction> {
  const context = { device: null, country: null, language: null };
  for (const { user: id, item, rating, timestampMs } of ratings) {
    const user = nameOf(String(id));
    yield {
      event_id: `ml-${user}-${item}-${timestampMs / 1000}`,
      user_id: user,
      item_id: String(item),
      kind: 'rating',
      value: rating,
      watch_ms: null,
      session_id: null,
      request_id: null,
      context,
      ts: timestampMs,
      original_ts: null,
      item: null,
    };
  }
}

/** A parser that finds a second row with the id of an earlier one malformed. */
function unique<Row>(
  parse: (line: string, createdAt: number) => Row | string,
  idOf: (row: Row) => string,
  createdAt: number,
): (line: string) => Row | string {
  const ids = new Set<string>();
  return (line) => {
    const row = parse(line, createdAt);
    if (typeof row === 'string') return row;
    const id = idOf(row);
    if (ids.has(id)) return `a second row with the id ${id}`;
    ids.add(id);
    return row;
  };
}

type Lines = {
  readonly file: string;
  readonly header: string | undefined;
  readonly rows: readonly { readonly line: number; readonly text: string }[];
};

/** A file with a larger share of malformed rows is taken for something else. */
const REFUSED_SHARE = 0.9;

/** Collects the rows that can be read. */
function parseRows<Row extends object>(
  directory: string,
  { file, rows }: Lines,
  malformed: MalformedRow[],
  parse: (line: string) => Row | string,
): Row[] {
  const parsed: Row[] = [];
  const bad: MalformedRow[] = [];
  for (const { line, text } of rows) {
    const row = parse(text);
    if (typeof row === 'string') bad.push({ file, line, text, reason: row });
    else parsed.push(row);
  }
  const [first] = bad;
  if (parsed.length === 0 && first === undefined) throw notMovieLens(directory, `${file} has no rows`);
  if (first !== undefined && bad.length > REFUSED_SHARE * rows.length) {
    const what = `${bad.length} of ${rows.length} rows of ${file} can't be read, the first in line ${first.line}`;
    throw notMovieLens(directory, `${what}: ${first.reason}`);
  }
  for (const row of bad) malformed.push(row);
  return parsed;
}

/** The lines of a file or of its gzipped form; blank ones carry nothing and are left out. */
async function readLines(directory: string, names: readonly string[], name: string): Promise<Lines> {
  const file = [name, `${name}.gz`].find((candidate) => names.includes(candidate));
  if (file === undefined) {
    const found = names.length === 0 ? 'the directory is empty' : `found ${names.slice(0, 8).join(', ')}`;
    throw notMovieLens(directory, `there is no ${name} and no ${name}.gz; ${found}`);
  }
  let bytes: Buffer;
  try {
    const stored = await readFile(join(directory, file));
    bytes = file.endsWith('.gz') ? await promisify(gunzip)(stored) : stored;
  } catch (cause) {
    throw notMovieLens(directory, `${file} can't be read`, cause);
  }
  const lines = decoded(bytes)
    .split('\n')
    .map((text, index) => ({ line: index + 1, text: text.replace(/\r$/, '') }))
    .filter(({ text }) => text.trim() !== '');
  const [first] = lines;
  if (first === undefined || !isHeader(first.text)) return { file, header: undefined, rows: lines };
  return { file, header: first.text, rows: lines.slice(1) };
}

/** A header line begins with the name of an id, a row with a number. */
function isHeader(line: string): boolean {
  return /^(user|item|movie)/i.test(line);
}

/** GroupLens wrote u.item in Latin-1; copies in UTF-8 are around as well. */
function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

function notMovieLens(directory: string, found: string, cause?: unknown): InputError {
  const details = cause === undefined ? { hint: EXPECTED } : { hint: EXPECTED, cause };
  return new InputError('MR_IMPORT_NOT_MOVIELENS', `${directory} is not MovieLens 100K: ${found}.`, details);
}
