/** An embedded log with accepted events, and an archive of it. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction } from '#schemas';
import { openTopics, type Topics } from '#topologies';
import type { ArchiveOptions } from '../archive-loop.ts';
import { withDuckDb } from '../duckdb.ts';
import { type OfflineSource, openOffline } from '../reading.ts';
import { queryOffline } from '../sql/query.ts';

export const startMs = Date.UTC(2026, 0, 30);
export const DAY_MS = 86_400_000;

export type ArchivedWorld = {
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  readonly dataDirectory: string;
  readonly options: ArchiveOptions;
};

/** Opens what is in a data directory. */
export async function openArchivedWorld(dataDirectory: string): Promise<ArchivedWorld> {
  const logger = createLogger({ level: 'silent', name: 'test' });
  const clock = systemClock;
  // Power loss is not what these tests are about.
  const log = await openEmbeddedLog({
    directory: join(dataDirectory, 'log'),
    clock,
    logger,
    synchronous: 'normal',
  });
  const topics = await openTopics(log, log.registry);
  const options = archiveOptions({ log, topics, dataDirectory });
  return { log, topics, dataDirectory, options };
}

/** A new one, which goes with its test. */
export async function archivedWorld(t: TestContext): Promise<ArchivedWorld> {
  const world = await openArchivedWorld(temporaryDirectory(t));
  t.after(() => world.log.close());
  return world;
}

/** An archive that waits for nothing, and cuts small. */
export function archiveOptions(source: OfflineSource): ArchiveOptions {
  return {
    ...source,
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    instanceId: 'main',
    flushMs: 0,
    flushRecords: 400,
    retention: { eventsMs: 90 * DAY_MS, featuresMs: 365 * DAY_MS },
  };
}

const kinds = ['impression', 'view', 'click', 'complete', 'like', 'rating', 'skip'] as const;

/** The `i`th event of a world of 20 users and 12 items that goes on for `days`, with many at the same time. */
export function event(i: number, { days = 3, count = 1_000 } = {}): Interaction {
  const kind = kinds[i % kinds.length] ?? 'view';
  return {
    event_id: `e${i}`,
    user_id: `u${(i * 7919) % 20}`,
    item_id: `i${(i * 104_729) % 12}`,
    kind,
    value: kind === 'rating' ? 1 + (i % 5) : null,
    watch_ms: kind === 'view' ? (i * 37) % 5_000 : null,
    session_id: null,
    request_id: i % 3 === 0 ? `r${i}` : null,
    context: { device: i % 2 === 0 ? 'mobile' : null, country: 'NL', language: null },
    ts: startMs + Math.floor(((i - (i % 4)) * days * DAY_MS) / count),
    original_ts: null,
    item: {
      type: 'video',
      category: `c${i % 3}`,
      tags: ['ı\u{1f600}', ''],
      duration_ms: 90_000,
      difficulty: null,
      created: startMs,
    },
  };
}

export function events(from: number, to: number, shape?: Parameters<typeof event>[1]): Interaction[] {
  return Array.from({ length: to - from }, (_, i) => event(from + i, shape));
}

export async function accept(
  { log, topics }: Pick<OfflineSource, 'log' | 'topics'>,
  accepted: readonly Interaction[],
) {
  const writer = await TopicWriter.open(log, topics['interactions-accepted']);
  await writer.write(accepted.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
  await writer.close();
}

/** No event before `ms` will follow. */
export async function announce({ log, topics }: Pick<OfflineSource, 'log' | 'topics'>, ms: number) {
  const writer = await TopicWriter.open(log, topics['interactions-accepted']);
  await writer.announce(ms);
  await writer.close();
}

/** A log that is closed again, to be copied: equal logs, whatever becomes of them. */
export async function writeLog(
  dataDirectory: string,
  accepted: readonly Interaction[],
  watermark: number,
): Promise<void> {
  const world = await openArchivedWorld(dataDirectory);
  await accept(world, accepted);
  await announce(world, watermark);
  await world.log.close();
}

/** The Parquet files that lie in a data directory, by their paths in it. */
export function filesOnDisk(dataDirectory: string): string[] {
  return readdirSync(join(dataDirectory, 'offline'), { recursive: true })
    .map((name) => `offline/${String(name)}`)
    .filter((name) => name.endsWith('.parquet'))
    .sort();
}

/** Every column of the archived events as JSON, in order of (partition, offset). */
export async function archivedEvents(t: TestContext, world: OfflineSource): Promise<string[]> {
  const store = await openOffline(world);
  await store.verify(store.files('events'));
  return withDuckDb(temporaryDirectory(t), async (database) => {
    await database.run(`CREATE TEMP VIEW events AS ${store.selectFrom('events')}`);
    const rows = await database.rows<{ row: string }>(
      'SELECT to_json(events)::VARCHAR AS row FROM events ORDER BY log_partition, log_offset',
    );
    return rows.map(({ row }) => row);
  });
}

/** The rows of an SQL query over the archive. */
export async function ask(world: OfflineSource, sql: string): Promise<Record<string, unknown>[]> {
  const store = await openOffline(world);
  const options = { store, records: world };
  return queryOffline(sql, options, async ({ columns, rows }) => {
    const found: Record<string, unknown>[] = [];
    for await (const chunk of rows) {
      found.push(...chunk.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]))));
    }
    return found;
  });
}
