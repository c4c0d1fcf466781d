/** `millrace start`: everything in one process, from an empty directory to live answers. */
import { Command } from 'commander';
import {
  createLogger,
  createProgress,
  type DirectoryLock,
  lockDirectory,
  type Progress,
  progressStyle,
  type Shutdown,
  systemClock,
} from '#platform';
import { openResponder, type Responder } from '#responders';
import type { Version } from '#schemas';
import { cleanPeriodically, type Processing } from '../operations/index.ts';
import { startAgents } from './agents.ts';
import { defineCommand, EXIT, type Invocation } from './command.ts';
import { type Installation, openInstallation } from './installation.ts';
import { Interrupted, throwIfInterrupted, unlessInterrupted, withShutdown } from './interruption.ts';
import { newestRecords } from './newest-records.ts';
import { notice, type Output } from './output.ts';
import { PipelineProgress, startPipeline } from './pipeline.ts';
import { printAnswer } from './recommend.ts';
import { checkPort, serve } from './server.ts';
import { type Started, startedLine, startedText } from './started.ts';
import { startTrainer } from './training.ts';
import { readVersions, servingVersion } from './versions.ts';
import { type MadeWorld, makeWorld } from './world.ts';

type Options = { readonly port?: string };

/** How long a version that was promoted may take to be loaded. */
const LOADING_MS = 20_000;

export function startCommand(): Command {
  return defineCommand<Options>({
    command: new Command('start')
      .description('Make a world, train on it, and serve live answers; or go on with what the data directory holds.')
      .option('-p, --port <port>', 'port of the HTTP server; 0 takes a free one (default: 8080)'),
    examples: [
      ['millrace start', 'on http://127.0.0.1:8080'],
      ['millrace start --port 9000 --data /tmp/mill', 'elsewhere'],
      ['millrace start --set simulation.users=500 --set simulation.events=20000', 'a smaller world, for a new directory'],
      ['millrace start --set simulation.liveEventsPerSecond=0', 'without live agents'],
    ],
    notes: `
A new data directory gets a simulated world; what is there already is gone on with, and not trained again while a
version is promoted. Ctrl-C stops it in order: with exit code 0 once it serves, with 130 before. It can be killed at
any time: the next start completes what was begun.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run: start,
  });
}

async function start({ configuration, output }: Invocation<Options>): Promise<number> {
  const startedAt = systemClock.monotonic();
  const logger = createLogger({ level: configuration.log.level, name: 'start' });
  return withShutdown(logger, async (shutdown) => {
    shutdown.signal.addEventListener('abort', () => notice(output, '\nStopping ...'), { once: true });
    const lock = lockDirectory(configuration.data, 'start');
    shutdown.add('data directory', async () => lock.release());
    await checkPort({ configuration, logger });
    const installation = await openInstallation(configuration, shutdown);
    const progress = createProgress({ style: progressStyle(output.json) });
    const running = await startParts(installation, shutdown);
    const failed = running.processing.ended.then(() => new Promise<never>(() => {}));
    failed.catch(() => {});
    const work = bringUp(installation, { ...running, progress, shutdown, output, lock, startedAt });
    try {
      await unlessInterrupted(Promise.race([work, failed]), shutdown.signal);
    } catch (error) {
      // What was being done ends by itself as its parts are stopped.
      void shutdown.stop('start failed');
      await work.catch(() => {});
      throw error;
    }
    await Promise.race([aborted(shutdown.signal), failed]);
    return EXIT.done;
  });
}
