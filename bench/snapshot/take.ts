/**
 * Takes a snapshot of a processed log and prints what it took, by the steps of its progress. Started by snapshot.ts with
 * the directory, and how many negatives there are to be for each positive.
 */
import { openEmbeddedLog } from '#log';
import { takeSnapshot } from '#offline';
import { createLogger, type Progress, systemClock } from '#platform';
import { openTopics } from '#topologies';

const [directory = '', uniform = '0'] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);

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
const negatives = { uniform: Number(uniform), byPopularity: 0, seed: 1 };
const snapshot = await takeSnapshot({
  log,
  topics,
  dataDirectory: directory,
  clock: systemClock,
  logger,
  progress,
  ...(negatives.uniform > 0 && { negatives }),
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
