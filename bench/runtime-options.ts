import { type RuntimeOptions, rocksDatabases } from '#engine';
import { createLogger, createMetrics, systemClock } from '#platform';

/** For node: as threads that process have it, see useLargeYoungGeneration. */
export const LARGE_YOUNG_GENERATION = ['--min-semi-space-size=64', '--max-semi-space-size=64'];

/** What a benchmark runs, with stores below `state` and the defaults of everything else. */
export function runtimeOptions(
  runs: Pick<RuntimeOptions, 'log' | 'topology' | 'deadLetters'>,
  state: string,
): RuntimeOptions {
  return {
    ...runs,
    databases: rocksDatabases(state),
    clock: systemClock,
    logger: createLogger({ level: 'warn', name: 'bench' }),
    metrics: createMetrics(),
    instanceId: 'bench',
  };
}
