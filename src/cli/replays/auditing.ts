import { systemClock } from '#platform';
import type { LogInstallation } from '#service';
import { openTopic } from '#topologies';

/** Where acts on replays are written: their commands open none of the product's other topics. */
export async function auditing({ log, registry }: Pick<LogInstallation, 'log' | 'registry'>) {
  return { log, topics: { audit: await openTopic('audit', log, registry) }, clock: systemClock };
}
