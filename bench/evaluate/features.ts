/**
 * Every feature view on real data, by the product's own path (the loop topology on the embedded log), held against SQL
 * over the files as they were published: rows of random keys as of random moments.
 */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicReader, TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { seededRandom } from '#models';
import { archiveNow, withDuckDb } from '#offline';
import {
  createLogger,
  createMetrics,
  createProgress,
  type Progress,
  progressStyle,
  systemClock,
} from '#platform';
import type { Interaction } from '#schemas';
import { openTopics, type Topics } from '#topologies';
import { printFigure, printMissing } from '../figure.ts';
import { runLoop } from '../loop/run-loop.ts';
import { type DataSet, movieLens1M, movieLens100K } from './features/data-sets.ts';
import { comparePairs } from './features/pairs.ts';
import { compareStreamRows } from './features/stream-rows.ts';

const data = join(import.meta.dirname, '../../../shared/data');
const PAIRS = 1000;
const SEED = 11;
const WRITTEN_AT_ONCE = 5000;
const HOUR_MS = 3_600_000;

export async function run(): Promise<void> {
  const progress = createProgress({ style: progressStyle(false) });
  const [, , , only] = process.argv;
  for (const [name, open] of [
    ['ml-100k', movieLens100K],
    ['ml-1m', movieLens1M],
  ] as const) {
    if (only !== undefined && only !== name) continue;
    const directory = join(data, name);
    if (existsSync(directory)) await evaluate(await open(directory), progress);
    else printMissing({ bench: 'features', case: name }, 'the data set is not on this machine');
  }
}

async function evaluate(dataSet: DataSet, progress: Progress): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-features-'));
  try {
    const accepted = await processed(dataSet, directory, progress);
    await withDuckDb(join(directory, 'duckdb'), async (database) => {
      await dataSet.readRaw(database);
      const results = await comparePairs({ database, accepted, pairs: PAIRS, random: seededRandom(SEED) });
      for (const { view, pairs, different } of results) {
        for (const each of different.slice(0, 10)) process.stderr.write(`${view} ${each}\n`);
        const equal = (pairs - different.length) / pairs;
        const name = `${dataSet.name} ${view}, ${pairs} rows equal to SQL`;
        printFigure({ bench: 'features', case: name, metric: 'ratio', value: equal, unit: 'ratio', aim: 1 });
      }
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the loop has accepted of the data set. */
async function processed(dataSet: DataSet, directory: string, progress: Progress): Promise<Interaction[]> {
  const logger = createLogger({ level: 'warn', name: 'evaluate' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger, synchronous: 'normal' });
  try {
    const topics = await openTopics(log, log.registry);
    await write(log, topics, dataSet);
    await runLoop(log, topics, directory);
    const step = progress.start(`Reading ${dataSet.name}`, 1);
    const accepted: Interaction[] = [];
    const reader = await TopicReader.open(log, topics['interactions-accepted'], { from: 'start' });
    for await (const records of reader.untilEnd()) {
      for (const { value } of records) if (value !== null) accepted.push(value);
    }
    await reader.close();
    step.done();
    await compareExamples(log, topics, dataSet, directory);
    return accepted;
  } finally {
    await log.close();
  }
}

/** Every row of every example: streamed, and joined as of its time. */
async function compareExamples(
  log: EmbeddedLog,
  topics: Topics,
  { name }: DataSet,
  dataDirectory: string,
): Promise<void> {
  const logger = createLogger({ level: 'warn', name: 'evaluate' });
  const options = {
    log,
    topics,
    dataDirectory,
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    instanceId: 'evaluate',
    flushMs: HOUR_MS,
    flushRecords: 200_000,
    // The data are of the last century, and all of them are looked at.
    retention: { eventsMs: 1e13, featuresMs: 1e13 },
  };
  await archiveNow(options);
  for (const { view, rows, equal } of await compareStreamRows({ log, topics, dataDirectory })) {
    const figure = `${name} ${view}, ${rows} streamed rows equal to as-of joins`;
    printFigure({
      bench: 'features',
      case: figure,
      metric: 'ratio',
      value: equal / rows,
      unit: 'ratio',
      aim: 1,
    });
  }
}

async function write(log: EmbeddedLog, topics: Topics, { items, itemsAt, events }: DataSet): Promise<void> {
  const catalogue = await TopicWriter.open(log, topics.items);
  await catalogue.write(items.map((value) => ({ key: value.item_id, value, timestamp: itemsAt })));
  await catalogue.close();
  const writer = await TopicWriter.open(log, topics.interactions);
  let chunk: { key: string; value: Interaction; timestamp: number }[] = [];
  let newest = itemsAt;
  for (const value of events()) {
    newest = value.ts;
    chunk.push({ key: value.user_id, value, timestamp: value.ts });
    if (chunk.length < WRITTEN_AT_ONCE) continue;
    await writer.write(chunk);
    chunk = [];
  }
  await writer.write(chunk);
  await writer.announce(newest + HOUR_MS);
  await writer.close();
}
