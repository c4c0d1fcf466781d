/**
 * The rows of MovieLens (Harper and Konstan 2015; READMEs of GroupLens). 100K: u.data `user TAB item TAB rating TAB
 * seconds`, u.user `id|age|gender|occupation|zip`, u.item `id|title|release|video release|url|` and one 0/1 flag a genre.
 * 1M and 10M: ratings.dat `user::movie::rating::seconds`, movies.dat `id::title::genre|genre`, users.dat (1M)
 * `id::gender::age::occupation::zip`. 20M, 25M, 32M and latest: the same tables as CSV, without users. A reader gives
 * the row, or returns what is wrong with it.
 */
import type { Gender, User } from '#schemas';
import { eventOf, itemOf, userOf } from '../events.ts';
import { NOT_SAID, type RowReader } from '../source.ts';
import { cleanText, quoted, secondsTime, wholeNumber } from '../values.ts';

type Fields = readonly string[];

/** Genres of u.item in the order of the flags where the file has no header line. */
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

export const FIELDS_BEFORE_GENRES = 5;
const NO_GENRES = '(no genres listed)';
/** Ids of movies lie below: events of one user and time are ordered by the item's number. */
const MOST_MOVIES = 2 ** 21;

/** Occupations of 1M by their codes, as its README lists them. */
const OCCUPATIONS: readonly string[] = [
  ...['other', 'academic', 'artist', 'clerical', 'college-student', 'customer-service', 'health-care'],
  ...['executive', 'farmer', 'homemaker', 'k-12-student', 'lawyer', 'programmer', 'retired', 'sales'],
  ...['scientist', 'self-employed', 'technician', 'tradesman', 'unemployed', 'writer'],
];
/** Codes of ages of 1M: the youngest of each group. 1 stands for all below 18. */
const AGES: ReadonlySet<number> = new Set([1, 18, 25, 35, 45, 50, 56]);

/** `halves`: ratings go from 0.5 to 5 in steps of a half (10M and later), otherwise from 1 to 5. */
export function ratingReader(halves: boolean): RowReader<Fields> {
  const known = halves ? '0.5, 1, 1.5 ... 5' : '1, 2, 3, 4 or 5';
  return (fields, sink) => {
    if (fields.length !== 4) return wrongCount(fields, 4);
    const [userText = '', itemText = '', ratingText = '', secondsText = ''] = fields;
    const user = wholeNumber(userText);
    if (user === undefined || user < 1) return `user id ${quoted(userText)} is not a positive whole number`;
    const item = wholeNumber(itemText);
    if (item === undefined || item < 1) return `item id ${quoted(itemText)} is not a positive whole number`;
    const rating = ratingOf(ratingText, halves);
    if (rating === undefined) return `rating ${quoted(ratingText)} is not ${known}`;
    const ts = secondsTime(secondsText);
    if (ts === undefined) return `timestamp ${quoted(secondsText)} is not a time in seconds`;
    const event = eventOf({
      user_id: String(user),
      item_id: String(item),
      kind: 'rating',
      value: rating,
      ts,
    });
    sink.event(event, user * MOST_MOVIES + item);
    return undefined;
  };
}

function ratingOf(text: string, halves: boolean): number | undefined {
  const trimmed = text.trim();
  if (!(halves ? /^[0-5](\.[05])?$/ : /^[1-5]$/).test(trimmed)) return undefined;
  const rating = Number(trimmed);
  return rating >= 0.5 && rating <= 5 ? rating : undefined;
}

/** Rows of u.user. */
export function userReader(): RowReader<Fields> {
  return unique((fields, sink, isKnown) => {
    if (fields.length !== 5) return wrongCount(fields, 5);
    const [id = '', age = '', gender = '', occupation = ''] = fields.map((field) => field.trim());
    const years = age === '' ? null : wholeNumber(age);
    if (years === undefined || (years !== null && years > 120))
      return `age ${quoted(age)} is not an age in years`;
    // Occupations are one word from a list of GroupLens; anything longer would be free text.
    if (!/^[a-z][a-z-]{0,31}$/i.test(occupation)) return `occupation ${quoted(occupation)} is not one word`;
    return giveUser(id, gender, { age: years, occupation: occupation.toLowerCase() }, sink, isKnown);
  });
}

/** Rows of users.dat. */
export function codedUserReader(): RowReader<Fields> {
  return unique((fields, sink, isKnown) => {
    if (fields.length !== 5) return wrongCount(fields, 5);
    const [id = '', gender = '', age = '', code = ''] = fields.map((field) => field.trim());
    const years = wholeNumber(age);
    if (years === undefined || !AGES.has(years)) return `age ${quoted(age)} is not a code of an age group`;
    const occupation = OCCUPATIONS[wholeNumber(code) ?? -1];
    if (occupation === undefined) return `occupation ${quoted(code)} is not a code from 0 to 20`;
    // Below 18 nobody's age is known.
    return giveUser(id, gender, { age: years === 1 ? null : years, occupation }, sink, isKnown);
  });
}

/** Rows of u.item, with these genres. */
export function flaggedItemReader(genres: readonly string[]): RowReader<Fields> {
  const expected = FIELDS_BEFORE_GENRES + genres.length;
  return unique((fields, sink, isKnown) => {
    if (fields.length !== expected) return wrongCount(fields, expected);
    const [id = '', title = '', released = ''] = fields.map((field) => field.trim());
    const created = released === '' ? NOT_SAID : releaseDate(released);
    if (created === undefined) return `release date ${quoted(released)} is not like 01-Jan-1995`;
    const flags = fields.slice(FIELDS_BEFORE_GENRES).map((flag) => flag.trim());
    const wrong = flags.find((flag) => flag !== '0' && flag !== '1');
    if (wrong !== undefined) return `genre flag ${quoted(wrong)} is not 0 or 1`;
    const tags = genres.filter((_, genre) => flags[genre] === '1');
    return giveItem(id, title, { tags, created }, sink, isKnown);
  });
}

/** Rows of movies.dat and movies.csv. The title ends with the year in which the film came out. */
export function movieReader(): RowReader<Fields> {
  return unique((fields, sink, isKnown) => {
    if (fields.length !== 3) return wrongCount(fields, 3);
    const [id = '', title = '', genres = ''] = fields.map((field) => field.trim());
    if (genres === '') return 'no genres';
    const tags = genres === NO_GENRES ? [] : genres.split('|');
    const year = /\((\d{4})\)\s*$/.exec(title)?.[1];
    const created = year === undefined ? NOT_SAID : Date.UTC(Number(year), 0, 1);
    return giveItem(id, title, { tags, created }, sink, isKnown);
  });
}

type Sink = Parameters<RowReader<Fields>>[1];
type IsKnown = (id: string) => boolean;

function giveUser(
  id: string,
  gender: string,
  said: Pick<User, 'age' | 'occupation'>,
  sink: Sink,
  isKnown: IsKnown,
): string | undefined {
  const user = wholeNumber(id);
  if (user === undefined || user < 1) return `user id ${quoted(id)} is not a positive whole number`;
  const known = genderOf(gender);
  if (known === undefined) return `gender ${quoted(gender)} is not M or F`;
  if (isKnown(String(user))) return `a second row with the id ${user}`;
  sink.user(userOf({ user_id: String(user), gender: known, ...said }));
  return undefined;
}

function giveItem(
  id: string,
  title: string,
  said: { readonly tags: string[]; readonly created: number },
  sink: Sink,
  isKnown: IsKnown,
): string | undefined {
  const item = wholeNumber(id);
  if (item === undefined || item < 1) return `item id ${quoted(id)} is not a positive whole number`;
  const clean = cleanText(title);
  if (clean === '') return 'no title';
  if (isKnown(String(item))) return `a second row with the id ${item}`;
  sink.item(itemOf({ item_id: String(item), type: 'movie', title: clean, ...said }));
  return undefined;
}

/** `isKnown` returns whether it has seen an id before. Holds the ids of a table: some hundred thousand at most. */
function unique(
  read: (fields: Fields, sink: Sink, isKnown: IsKnown) => string | undefined,
): RowReader<Fields> {
  const ids = new Set<string>();
  const isKnown = (id: string) => ids.size === ids.add(id).size;
  return (fields, sink) => read(fields, sink, isKnown);
}

function wrongCount(fields: Fields, expected: number): string {
  return `${fields.length} fields instead of ${expected}`;
}

function genderOf(text: string): Gender | undefined {
  if (text === '') return 'unknown';
  return text === 'M' ? 'male' : text === 'F' ? 'female' : undefined;
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
