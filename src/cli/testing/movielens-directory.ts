import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const USERS = 40;
const ITEMS = 30;
const RATINGS = 1200;
const START_SECONDS = 880_000_000;

/** Writes a small data set in the form of MovieLens 100K; `broken` rows are added to its files. */
export function writeMovieLens(
  directory: string,
  broken: Readonly<Partial<Record<'u.data' | 'u.item' | 'u.user', readonly string[]>>> = {},
): string {
  mkdirSync(directory, { recursive: true });
  const genres = (item: number) =>
    Array.from({ length: 19 }, (_, genre) => (genre === 1 + (item % 5) ? 1 : 0));
  const rows = {
    'u.user': range(USERS, (n) => `${n}|${20 + (n % 40)}|${n % 2 === 0 ? 'M' : 'F'}|student|00000`),
    'u.item': range(ITEMS, (n) => [n, `Film ${n} (1995)`, '01-Jan-1995', '', '', ...genres(n)].join('|')),
    'u.data': range(RATINGS, (n) =>
      [1 + ((n * 7) % USERS), 1 + ((n * n) % ITEMS), 1 + (n % 5), START_SECONDS + n * 600].join('\t'),
    ),
  };
  for (const [name, lines] of Object.entries(rows)) {
    const all = [...lines, ...(broken[name as keyof typeof rows] ?? [])];
    writeFileSync(join(directory, name), `${all.join('\n')}\n`);
  }
  return directory;
}

export const movieLensCounts = { users: USERS, items: ITEMS, ratings: RATINGS };

function range(count: number, row: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => row(index + 1));
}
