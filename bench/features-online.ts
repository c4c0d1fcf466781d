/**
 * Features read online: how long one row, 200 rows, and a user with 100 candidates take, in process and on Redis, and how
 * much memory the rows of a user and of an item need in process. `npm run bench -- features-online`. One JSON line a figure.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crossKey } from '#features';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import {
  InProcessViewStore,
  openFeatureReader,
  RedisViewStore,
  RedisViewWriter,
  type RowKey,
  type ViewStore,
} from '#responders';
import { RedisServer } from '#servers';
import { openTopics } from '#topologies';
import { ITEMS, itemId, itemOf, USERS, userId, writeAudience } from './features-online/audience.ts';
import { type Figure, percentile, printFigure } from './figure.ts';

const WARM_UP_MS = 2_000;
const MEASURED_MS = 5_000;
const ROWS = 200;
const CANDIDATES = 100;
/** A million users are to fit into 1 GB. */
const AIM_BYTES_A_USER = 1_000;

type Aims = { readonly one: number; readonly many?: number };

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  const redis = await RedisServer.start({ settings: { appendonly: 'no' } });
  try {
    const topics = await openTopics(log, log.registry);
    const logger = createLogger({ level: 'error', name: 'bench' });
    const environment = { log, topics, clock: systemClock, logger, metrics: createMetrics() };
    await writeAudience(log, topics);

    const inProcess = await InProcessViewStore.open(environment, topics);
    await inProcess.caughtUp;
    printSizes(inProcess);
    await benchReads('in process', environment, inProcess, { one: 0.2 });

    const writer = await RedisViewWriter.open({ url: redis.url }, environment, topics);
    const inRedis = await RedisViewStore.open({ url: redis.url }, environment, topics);
    await Promise.all([writer.caughtUp, inRedis.caughtUp]);
    await benchReads('on Redis', environment, inRedis, { one: 1.2, many: 3 });
    await writer.close();
  } finally {
    await log.close();
    await redis.stop();
    await rm(directory, { recursive: true });
  }
}

function printSizes({ bytes }: InProcessViewStore): void {
  const figure = (of: string, value: number, rest: Pick<Figure, 'unit' | 'aim'>) =>
    print({ case: `in process, all rows of ${of}`, metric: 'bytes', value, ...rest });
  figure('a user', bytes.users / USERS, { unit: 'B/user', aim: AIM_BYTES_A_USER });
  figure('an item', bytes.items / ITEMS, { unit: 'B/item' });
}

/** Closes `views` when it is done. */
async function benchReads(
  where: string,
  environment: Parameters<typeof openFeatureReader>[0],
  views: ViewStore,
  aims: Aims,
): Promise<void> {
  const next = draws();
  const pairKey = (): RowKey => {
    const user = next(USERS);
    return { view: 'user-item-features', key: crossKey(userId(user), itemOf(user, next(20))) };
  };
  const userKey = (): RowKey => ({ view: 'user-features', key: userId(next(USERS)) });
  const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  const { reader, close } = await openFeatureReader({ ...environment, views });
  await measure(
    `${where}, 1 row of a user`,
    () => [userKey()],
    (keys) => views.rows(keys),
    aims.one,
  );
  await measure(
    `${where}, ${ROWS} rows of users`,
    () => times(ROWS, userKey),
    (keys) => views.rows(keys),
    aims.many,
  );
  await measure(
    `${where}, ${ROWS} rows of users and items`,
    () => times(ROWS, pairKey),
    (keys) => views.rows(keys),
    aims.many,
  );
  const user = () => ({ user: userId(next(USERS)) });
  await measure(`${where}, all features of a user`, user, (query) => reader.read(query), aims.one);
  await measure(
    `${where}, all features of a user with ${CANDIDATES} items`,
    () => ({ ...user(), items: times(CANDIDATES, () => itemId(next(ITEMS))), context: noContext }),
    (query) => reader.read(query),
    aims.many,
  );
  await close();
}

const noContext = { device: null, country: null, language: null } as const;

async function measure<Q>(
  name: string,
  ask: () => Q,
  read: (query: Q) => Promise<unknown>,
  aim?: number,
): Promise<void> {
  const readFor = async (ms: number, samples: number[]) => {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      const query = ask();
      const since = performance.now();
      await read(query);
      samples.push(performance.now() - since);
      // Nobody waits here: what reads leave behind is cleared away between them as in a server.
      await new Promise(setImmediate);
    }
  };
  await readFor(WARM_UP_MS, []);
  const samples: number[] = [];
  await readFor(MEASURED_MS, samples);
  print({ case: name, metric: 'p50_ms', value: percentile(samples, 0.5), unit: 'ms' });
  print({
    case: name,
    metric: 'p99_ms',
    value: percentile(samples, 0.99),
    unit: 'ms',
    ...(aim !== undefined && { aim }),
  });
}

/** The same draws in every run. */
function draws(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % below;
  };
}

function print(figure: Omit<Figure, 'bench'>): void {
  printFigure({ bench: 'features-online', ...figure });
}
