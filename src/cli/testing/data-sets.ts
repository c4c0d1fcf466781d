/** Small data sets in the exact forms in which the large ones are published. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const START_SECONDS = 1_147_880_044;

/** `ratings.csv` and `movies.csv` of MovieLens 25M, ordered by user and movie as there, so out of the order of time. */
export function writeMovieLens25M(directory: string, ratings: number): string {
  const rows = Array.from({ length: ratings }, (_, i) => {
    const user = 1 + Math.floor(i / 50);
    const movie = 1 + (i % 50) * 3;
    return `${user},${movie},${(0.5 + ((i * 7) % 10) / 2).toFixed(1)},${START_SECONDS + ((i * 7_919) % 1_000_003)}`;
  });
  const movies = Array.from({ length: 150 }, (_, i) => {
    const title = i % 3 === 0 ? `"Film, The ""${i + 1}"" (1995)"` : `Film ${i + 1} (1995)`;
    return `${i + 1},${title},${i % 7 === 0 ? '(no genres listed)' : 'Comedy|Drama'}`;
  });
  return writeFiles(directory, {
    'ratings.csv': lines(['userId,movieId,rating,timestamp', ...rows]),
    'movies.csv': lines(['movieId,title,genres', ...movies], '\r\n'),
    'tags.csv': 'userId,movieId,tag,timestamp\n',
    'README.txt': 'MovieLens',
  });
}

export function writeFiles(directory: string, files: Readonly<Record<string, string | Buffer>>): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

export function lines(rows: readonly string[], end = '\n'): string {
  return rows.map((row) => `${row}${end}`).join('');
}
