/** The traces of this process. */
import { type Logger, type Metrics, openTracing, type Shutdown, type Tracing } from '#platform';
import type { Configuration } from './configuration.ts';

/** Undefined where no collector is named. What has ended by `shutdown` is sent. */
export async function startTracing(
  { tracing }: Pick<Configuration, 'tracing'>,
  shutdown: Shutdown,
  environment: { readonly logger: Logger; readonly metrics: Metrics },
): Promise<Tracing | undefined> {
  const opened = await openTracing(tracing, { ...environment, random: Math.random });
  if (opened !== undefined) shutdown.add('traces', () => opened.close());
  return opened;
}
