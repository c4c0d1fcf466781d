/** MovieLens of every size, as the data sets of GroupLens are unpacked. */
import { InputError } from '#platform';
import type { FileFormat, FileReading, OpenedSource, RowReader, Source } from '../source.ts';
import {
  codedUserReader,
  FIELDS_BEFORE_GENRES,
  flaggedItemReader,
  GENRES,
  movieReader,
  ratingReader,
  userReader,
} from './rows.ts';

type Fields = readonly string[];

const EXPECTED =
  'Expected a MovieLens folder: u.data, u.item and u.user (100K); ratings.dat, movies.dat and users.dat (1M, 10M); ' +
  'or ratings.csv and movies.csv (20M, 25M, 32M, latest), each plain or gzipped.';

/** Which files belong together; users are missing from all sizes above 1M. */
const SIZES: readonly { readonly events: string; readonly tables: readonly string[] }[] = [
  { events: 'u.data', tables: ['u.item', 'u.user'] },
  { events: 'ratings.dat', tables: ['movies.dat'] },
  { events: 'ratings.csv', tables: ['movies.csv'] },
];

const files: Readonly<Record<string, { readonly format: FileFormat; readonly namesUsers: boolean }>> = {
  'u.data': { format: separated('\t', () => ratingReader(false)), namesUsers: true },
  'u.user': { format: separated('|', () => userReader()), namesUsers: true },
  'u.item': { format: separated('|', (header) => flaggedItemReader(genresOf(header))), namesUsers: false },
  'ratings.dat': { format: separated('::', () => ratingReader(true)), namesUsers: true },
  'users.dat': { format: separated('::', () => codedUserReader()), namesUsers: true },
  'movies.dat': { format: separated('::', () => movieReader()), namesUsers: false },
  'ratings.csv': {
    format: csv(['userId', 'movieId', 'rating', 'timestamp'], () => ratingReader(true)),
    namesUsers: true,
  },
  'movies.csv': { format: csv(['movieId', 'title', 'genres'], () => movieReader()), namesUsers: false },
};

export const movieLens: Source = {
  name: 'movielens',
  does: 'Import MovieLens of any size: movies and users, then the ratings in order of time.',
  expected: EXPECTED,
  examples: [
    ['millrace import movielens ml-100k --data .movielens', 'into a separate data directory'],
    ['millrace import movielens ml-25m --dry-run', 'look at what it would import'],
    ['millrace train --data .movielens', 'then: train on it'],
    ['millrace recommend 42 --data .movielens', 'and ask'],
  ],
  isMapped: false,
  open: (): OpenedSource => ({ readingOf, missing, identity: 'movielens' }),
};

function readingOf(name: string): FileReading | undefined {
  return Object.hasOwn(files, name) ? files[name] : undefined;
}

function missing(names: readonly string[]): string | undefined {
  const size = SIZES.find(({ events }) => names.includes(events));
  if (size === undefined) return `there is no ${SIZES.map(({ events }) => events).join(', no ')}`;
  const absent = size.tables.find((name) => !names.includes(name));
  return absent === undefined ? undefined : `there is no ${absent}`;
}

/** GroupLens wrote the files of 100K and 1M in Latin-1, without header lines; copies in UTF-8 or with them are around. */
function separated(delimiter: string, reader: (header: Fields | undefined) => RowReader<Fields>): FileFormat {
  return {
    rows: 'delimited',
    delimiter,
    isQuoted: false,
    mayBeLatin1: true,
    open: (first) => {
      const isHeader = /^(user|item|movie)/i.test(first[0] ?? '');
      return { isHeader, read: reader(isHeader ? first : undefined) };
    },
  };
}

function csv(columns: readonly string[], reader: () => RowReader<Fields>): FileFormat {
  return {
    rows: 'delimited',
    delimiter: ',',
    isQuoted: true,
    mayBeLatin1: false,
    open: (first) => {
      if (columns.every((column, i) => first[i]?.trim() === column) && first.length === columns.length) {
        return { isHeader: true, width: columns.length, read: reader() };
      }
      throw new InputError('MR_IMPORT_HEADER', `The first line is ${first.join(',').slice(0, 80)}.`, {
        hint: `Expected the header line ${columns.join(',')}.`,
      });
    },
  };
}

function genresOf(header: Fields | undefined): readonly string[] {
  const named = header?.slice(FIELDS_BEFORE_GENRES) ?? [];
  return named.length > 0 ? named.map((name) => name.trim()) : GENRES;
}
