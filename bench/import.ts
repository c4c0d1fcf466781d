/**
 * `millrace import` of a generated CSV of a million ratings, in the form and order of MovieLens 25M, into a new data
 * directory: rows a second from the start of the command's work to its record, and where the processor time goes. One JSON
 * line a figure on standard output.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dryRun, findInput, movieLens, publishSorted, recordCount, sortInput } from '#imports';
import { openEmbeddedLog } from '#log';
import { seededRandom } from '#models';
import { createLogger, systemClock } from '#platform';
import { masterKeyFiles, openVault } from '#privacy';
import { openTopics } from '#topologies';
import { type Figure, printFigure } from './figure.ts';

const ROWS = 1_000_000;
const MOVIES = 60_000;
const FIRST_SECONDS = 1_147_880_044;
const AIM_ROWS_PER_SECOND = 100_000;
const DEDUP_HORIZON_MS = 86_400_000;

const silent = { advance: () => {}, update: () => {}, done: () => {} };

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-import-'));
  try {
    const path = join(directory, 'ratings.csv');
    await writeRatings(path);
    await bench(directory, path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** By user and movie, as there: users of 20 to 280 ratings, each within some hours. */
async function writeRatings(path: string): Promise<void> {
  const random = seededRandom(7);
  const file = await open(path, 'w');
  let text = 'userId,movieId,rating,timestamp\n';
  for (let row = 0, user = 1; row < ROWS; user++) {
    let seconds = FIRST_SECONDS + random.integer(100_000_000);
    let movie = 0;
    for (let left = Math.min(ROWS - row, 20 + random.integer(260)); left > 0; left--, row++) {
      movie += 1 + random.integer(Math.floor(MOVIES / 280));
      seconds += random.integer(60);
      text += `${user},${movie},${(1 + random.integer(10)) / 2},${seconds}\n`;
    }
    await file.write(text);
    text = '';
  }
  await file.close();
}

async function bench(directory: string, path: string): Promise<void> {
  const data = join(directory, 'data');
  const opened = movieLens.open('');
  const { identity } = opened;
  const { files } = await findInput(movieLens, opened, [path]);
  const { signal } = new AbortController();
  const shown = { events: 0, items: 0, rows: 0 };
  await measured('read and check alone', () => dryRun({ identity, files, shown, onRead: () => {}, signal }));

  const log = await openEmbeddedLog({ directory: data, clock: systemClock });
  const topics = await openTopics(log, log.registry);
  const vault = await openVault({
    log,
    topic: topics.vault,
    directory: data,
    dataDirectory: data,
    keys: masterKeyFiles(data),
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'bench' }),
  });
  try {
    const common = { topics, clock: systemClock, step: silent, signal };
    const work = join(data, 'import-work');
    const begun = systemClock.monotonic();
    const sorted = await measured('read, pseudonyms, encode, sort', () =>
      sortInput({ ...common, identity, files, directory: work, pseudonyms: vault }),
    );
    await measured('merge and publish', () =>
      publishSorted(sorted, {
        ...common,
        log,
        expiresByWallClock: false,
        dedupHorizonMs: DEDUP_HORIZON_MS,
      }),
    );
    const seconds = (systemClock.monotonic() - begun) / 1000;
    print('whole import', 'records_per_second', recordCount(sorted) / seconds, 'rows/s', AIM_ROWS_PER_SECOND);
  } finally {
    await vault.close();
    await log.close();
  }
}

async function measured<T>(name: string, work: () => Promise<T>): Promise<T> {
  const begun = systemClock.monotonic();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (systemClock.monotonic() - begun) / 1000;
  print(name, 'records_per_second', ROWS / seconds, 'rows/s');
  print(name, 'records_per_cpu_second', (1e6 * ROWS) / (user + system), 'rows/cpu-s');
  return result;
}

function print(name: string, metric: Figure['metric'], value: number, unit: string, aim?: number): void {
  printFigure({ bench: 'import', case: name, metric, value, unit, ...(aim !== undefined && { aim }) });
}
