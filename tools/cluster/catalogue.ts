/** The log of a cluster as others use it, and the items that they publish. */
import { writeRecords } from '#engine';
import { createLogger, Shutdown, systemClock } from '#platform';
import type { Item } from '#schemas';
import { type Installation, openInstallation } from '#service';
import { loadConfiguration } from '#service/configuration';
import type { Cluster } from './cluster.ts';

const DAY_MS = 86_400_000;

/** An item of every category in turn. */
function item(i: number, created: number): Item {
  return {
    item_id: `i${i}`,
    type: 'article',
    title: `Article ${i}`,
    category: `c${i % 5}`,
    tags: [],
    duration_ms: null,
    difficulty: null,
    language: null,
    created,
    available: true,
    age_limit: 0,
    countries: [],
  };
}

export async function publishItems(cluster: Cluster, count: number): Promise<void> {
  const yesterday = Date.now() - DAY_MS;
  const items = Array.from({ length: count }, (_, i) => item(i, yesterday));
  const records = items.map((value) => ({ key: value.item_id, value, timestamp: yesterday }));
  await withLogOf(cluster, ({ log, topics }) => writeRecords(log, topics.items, records));
}

/** The log of a cluster, opened for `work` as a process of its own opens it. */
export async function withLogOf<T>(cluster: Cluster, work: (opened: Installation) => Promise<T>): Promise<T> {
  const logger = createLogger({ level: 'warn', name: 'cluster' });
  const shutdown = new Shutdown({ logger, clock: systemClock });
  try {
    const configuration = loadConfiguration({
      flags: { data: cluster.spare },
      file: cluster.configuration,
      environment: {},
      directory: cluster.spare,
    });
    return await work(await openInstallation(configuration, shutdown));
  } finally {
    await shutdown.stop('done');
  }
}
