/**
 * Feature views: how many events a second go through all of them on one core, live (from admission to examples) and
 * when they are rebuilt, and how large the state of a user and of an item is.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { featureViews } from '#features';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { openTopics, openViewTopic } from '#topologies';
import { viewStatistics } from '#view-builds';
import { type Figure, printFigure } from './figure.ts';
import { type OneCore, onOneCore, writeWorld } from './world-log.ts';

const EVENTS = 400_000;
const BENCH = 'features';

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await writeWorld(directory, EVENTS);
    const live = onOneCore(join(import.meta.dirname, 'loop', 'processing.ts'), directory);
    printRates('live, one core', live, 15_000);
    await printSizes(directory);
    const rebuilt = onOneCore(join(import.meta.dirname, 'features', 'rebuild.ts'), directory);
    printRates('rebuilt, one core', rebuilt, 25_000);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function printRates(name: string, { seconds, cpuSeconds }: OneCore, aim: number): void {
  const shared = { bench: BENCH, case: name, aim } as const;
  printFigure({ ...shared, metric: 'events_per_second', value: EVENTS / seconds, unit: 'events/s' });
  printFigure({
    ...shared,
    metric: 'records_per_cpu_second',
    value: EVENTS / cpuSeconds,
    unit: 'events/cpu-s',
  });
}

async function printSizes(directory: string): Promise<void> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  await openTopics(log, log.registry);
  for (const view of featureViews) {
    const { rows, bytes } = await viewStatistics(log, await openViewTopic(log, log.registry, view), view);
    const figure: Figure = {
      bench: BENCH,
      case: `${view.name}, a row`,
      metric: 'bytes',
      value: bytes / rows,
      unit: 'B',
    };
    printFigure(figure);
  }
  await log.close();
}
