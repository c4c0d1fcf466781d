/**
 * Takes a snapshot of a processed log and prints what it took, by the steps of its progress. Started by snapshot.ts with
 * the directory, how many negatives there are to be for each positive, and whether a view of a module has columns in it.
 */
import { decayedSum, defineView, newest, sum, windowed } from '#features';
import { openEmbeddedLog } from '#log';
import { takeSnapshot } from '#offline';
import { createLogger, type Progress, systemClock } from '#platform';
import type { Interaction } from '#schemas';
import { openTopics } from '#topologies';

const [directory = '', uniform = '0', withView] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);

/** As somebody would declare one: see docs/FEATURES.md. */
const itemTrends = defineView({
  name: 'item-trends',
  version: 1,
  entity: 'item',
  owner: 'bench',
  description: 'How busy an item is.',
  tags: [],
  exampleField: 'trends',
  filter: ({ kind, item_id }) => kind !== 'impression' && item_id !== null,
  key: ({ item_id }) => item_id ?? '',
  aggregations: {
    lately: windowed(
      sum((_: Interaction) => 1),
      ['1h', '7d'],
    ),
    activity: decayedSum(3 * 86_400_000, (_: Interaction) => 1),
    last: newest<Interaction>(),
  },
  row: { events_1h: 'long', events_7d: 'long', activity: 'double' },
  updated: ({ last }) => last,
  ttlMs: null,
  finish: ({ lately, activity }) => ({ events_1h: lately['1h'], events_7d: lately['7d'], activity }),
});

const phases: Record<string, number> = {};
const progress: Progress = {
  start: (label) => {
    const began = performance.now();
    const done = () => {
      phases[label] = (performance.now() - began) / 1e3;
    };
    return { advance() {}, update() {}, done };
  },
};

const start = performance.now();
const cpu = process.cpuUsage();
const negatives = { uniform: Number(uniform), byPopularity: 0, byCoVisits: 0, bySources: 0, seed: 1 };
const snapshot = await takeSnapshot({
  log,
  topics,
  dataDirectory: directory,
  clock: systemClock,
  logger,
  progress,
  ...(negatives.uniform > 0 && { negatives }),
  ...(withView !== undefined && { modules: [itemTrends] }),
});
const seconds = (performance.now() - start) / 1e3;
const { user, system } = process.cpuUsage(cpu);
const cpuSeconds = (user + system) / 1e6;
const [examples] = snapshot.files;
await log.close();
const { snapshot_id: id } = snapshot;
process.stdout.write(
  `${JSON.stringify({ id, examples: examples?.rows, bytes: examples?.bytes, phases, seconds, cpuSeconds })}\n`,
);
