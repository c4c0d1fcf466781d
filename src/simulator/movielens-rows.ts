import type { Gender, Item, User } from '#schemas';

/**
 * The rows of MovieLens 100K (Harper and Konstan 2015; README of GroupLens): u.data is `user TAB item TAB rating
 * TAB seconds`, u.user `id|age|gender|occupation|zip`, u.item `id|title|release|video release|url|` and one 0/1 flag
 * a genre. A parser returns the row, or a text saying what is wrong with it.
 */

export type RatingRow = {
  readonly user: number;
  readonly item: number;
  readonly rating: number;
  readonly timestampMs: number;
};

/** Genres in the order of the flags where the file has no header line. */
export const GENRES: readonly string[] = [
  'unknown',
  'Action',
  'Adventure',
  'Animation',
  "Children's",
  'Comedy',
  'Crime',
  'Documentary',
  'Drama',
  'Fantasy',
  'Film-Noir',
  'Horror',
  'Musical',
  'Mystery',
  'Romance',
  'Sci-Fi',
  'Thriller',
  'War',
  'Western',
];

const FIELDS_BEFORE_GENRES = 5;
const LONGEST_TITLE = 200;

/** Genres named by a header line of u.item; those of MovieLens 100K when there is none. */
export function genresOf(header: string | undefined): readonly string[] {
  const named = header?.split('|').slice(FIELDS_BEFORE_GENRES) ?? [];
  return named.length > 0 ? named.map((name) => name.trim()) : GENRES;
}

export function parseRating(line: string): RatingRow | string {
  const fields = line.split('\t');
  if (fields.length !== 4) return `${fields.length} fields separated by TAB instead of 4`;
  const [user, item, rating, seconds] = fields.map(wholeNumber);
  if (user === undefined || user < 1) return `user id "${fields[0]}" is not a positive whole number`;
  if (item === undefined || item < 1) return `item id "${fields[1]}" is not a positive whole number`;
  if (rating === undefined || rating < 1 || rating > 5) return `rating "${fields[2]}" is not 1, 2, 3, 4 or 5`;
  // Seconds of 2100 at most: what is larger is in another unit.
  if (seconds === undefined || seconds > 4_102_444_800)
    return `timestamp "${fields[3]}" is not a time in seconds`;
  return { user, item, rating, timestampMs: seconds * 1000 };
}

export function parseUser(line: string, createdAt: number): User | string {
  const fields = line.split('|');
  if (fields.length !== 5) return `${fields.length} fields separated by "|" instead of 5`;
  const [id = '', age = '', gender = '', occupation = ''] = fields.map((field) => field.trim());
  const user = wholeNumber(id);
  if (user === undefined || user < 1) return `user id "${id}" is not a positive whole number`;
  const years = age === '' ? null : wholeNumber(age);
  if (years === undefined || (years !== null && years > 120)) return `age "${age}" is not an age in years`;
  const known = genderOf(gender);
  if (known === undefined) return `gender "${gender}" is not M or F`;
  // Occupations are one word from a list of GroupLens; anything longer would be free text.
  if (!/^[a-z][a-z-]{0,31}$/i.test(occupation)) return `occupation "${occupation}" is not one word`;
  return {
    user_id: String(user),
    age: years,
    gender: known,
    occupation: occupation.toLowerCase(),
    country: null,
    language: null,
    created: createdAt,
  };
}

/** `createdAt` serves where the row has no release date, or one after it. */
export function parseItem(line: string, genres: readonly string[], createdAt: number): Item | string {
  const fields = line.split('|');
  const expected = FIELDS_BEFORE_GENRES + genres.length;
  if (fields.length !== expected) return `${fields.length} fields separated by "|" instead of ${expected}`;
  const [id = '', title = '', released = ''] = fields.map((field) => field.trim());
  const item = wholeNumber(id);
  if (item === undefined || item < 1) return `item id "${id}" is not a positive whole number`;
  const cleanTitle = cleaned(title);
  if (cleanTitle === '') return 'no title';
  const releasedMs = released === '' ? createdAt : releaseDate(released);
  if (releasedMs === undefined) return `release date "${released}" is not like 01-Jan-1995`;
  const flags = fields.slice(FIELDS_BEFORE_GENRES).map((flag) => flag.trim());
  const wrong = flags.find((flag) => flag !== '0' && flag !== '1');
  if (wrong !== undefined) return `genre flag "${wrong}" is not 0 or 1`;
  const tags = genres.filter((_, genre) => flags[genre] === '1');
  return {
    item_id: String(item),
    type: 'movie',
    title: cleanTitle,
    category: tags[0] ?? 'unknown',
    tags,
    duration_ms: null,
    difficulty: null,
    language: null,
    available: true,
    age_limit: 0,
    created: Math.min(releasedMs, createdAt),
  };
}

function wholeNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d{1,12}$/.test(trimmed) ? Number(trimmed) : undefined;
}

function genderOf(text: string): Gender | undefined {
  if (text === '') return 'unknown';
  return text === 'M' ? 'male' : text === 'F' ? 'female' : undefined;
}

/** A title of one line: control characters and runs of spaces become one space. */
function cleaned(title: string): string {
  return title
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_TITLE);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** ms since the epoch of `01-Jan-1995`; negative before 1970. */
function releaseDate(text: string): number | undefined {
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const month = MONTHS.indexOf((match?.[2] ?? '').toLowerCase());
  if (match === null || month < 0) return undefined;
  const day = Number(match[1]);
  const date = new Date(Date.UTC(Number(match[3]), month, day));
  return date.getUTCDate() === day ? date.getTime() : undefined;
}
