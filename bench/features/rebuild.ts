/** Builds every view anew from the accepted events of a log, one after the other, and prints what all took. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamsRuntime } from '#engine';
import { featureViews } from '#features';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { CATCH_UP_COMMIT_INTERVAL_MS } from '#processing';
import { openTopics, openViewTopic, viewTopology } from '#topologies';
import { bringArchivedEvents } from '#view-builds';
import { runtimeOptions } from '../runtime-options.ts';

const [directory = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);
const state = mkdtempSync(join(tmpdir(), 'millrace-bench-state-'));
const start = performance.now();
const cpuBefore = process.cpuUsage();
for (const view of featureViews) {
  // Under a name of its own: the log has the live rows of the view.
  const rebuilt = { ...view, name: `rebuilt-${view.name}` };
  const topology = await viewTopology(rebuilt, await openViewTopic(log, log.registry, rebuilt), topics);
  await bringArchivedEvents({ log, topics, dataDirectory: directory }, rebuilt);
  const runs = { log, topology, deadLetters: topics['dead-letters'] };
  const runtime = new StreamsRuntime({
    ...runtimeOptions(runs, join(state, rebuilt.name)),
    catchUpCommitIntervalMs: CATCH_UP_COMMIT_INTERVAL_MS,
  });
  await runtime.start();
  await runtime.runUntilCaughtUp(100);
  await runtime.close();
}
const seconds = (performance.now() - start) / 1e3;
const { user, system } = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
await log.close();
rmSync(state, { recursive: true });
